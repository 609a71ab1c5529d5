import type { NodeSnapshot } from './nodeSnapshot.js';
import type { AttemptHistory } from './policy.js';

/** Filter: nodes that could run a request now. */
export function isEligible(node: NodeSnapshot): boolean {
  return node.isReady && node.slotsFree > 0;
}

/**
 * Filter: the ready nodes that serve the model, in the order of their ids. A node that fails at once always looks
 * free, so a request that it failed waits for another one.
 */
export function servingNodes(nodes: readonly NodeSnapshot[], { failedOn }: AttemptHistory): NodeSnapshot[] {
  const serving = nodes
    .filter(({ isReady, slotsTotal }) => isReady && slotsTotal > 0)
    .sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const others = serving.filter(({ nodeId }) => !failedOn.has(nodeId));
  return others.length > 0 ? others : serving;
}

/** Filter: those with a free slot; one that had none after all a moment ago only where it is the last. */
export function freeNodes<T extends NodeSnapshot>(
  serving: readonly T[],
  { busyNodeId }: AttemptHistory,
): readonly T[] {
  const free = serving.filter(isEligible);
  const elsewhere = free.filter(({ nodeId }) => nodeId !== busyNodeId);
  return elsewhere.length > 0 ? elsewhere : free;
}
