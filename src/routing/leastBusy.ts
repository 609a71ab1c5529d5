import type { NodeSnapshot } from './nodeSnapshot.js';

/** Filter: nodes that could run a request now. */
export function isEligible(node: NodeSnapshot): boolean {
  return node.isReady && node.slotsFree > 0;
}

/** Score, 0..1: the share of the node's slots that is free. */
export function scoreFreeSlots(node: NodeSnapshot): number {
  return node.slotsTotal === 0 ? 0 : node.slotsFree / node.slotsTotal;
}

/** What a request that is tried again has learned of nodes. */
export interface AttemptHistory {
  /** Nodes that failed it: taken only where no other ready node serves the model. */
  readonly failedOn: ReadonlySet<string>;
  /** The node that had no free slot a moment ago: taken only where no other has one. */
  readonly busyNodeId: string | undefined;
}

const noHistory: AttemptHistory = { failedOn: new Set(), busyNodeId: undefined };

/** Filter: a node that fails at once always looks free, so a request that it failed waits for another one. */
function withoutFailed(
  nodes: readonly NodeSnapshot[],
  failedOn: ReadonlySet<string>,
): readonly NodeSnapshot[] {
  const others = nodes.filter(({ nodeId }) => !failedOn.has(nodeId));
  return others.some(({ isReady, slotsTotal }) => isReady && slotsTotal > 0) ? others : nodes;
}

/**
 * Pick: the eligible node with the largest share of free slots; among equals the one that was given the fewest
 * requests, then the first by id, so that the choice is the same for the same snapshot.
 *
 * @returns undefined where no node can take the request now.
 */
export function pickLeastBusy(
  nodes: readonly NodeSnapshot[],
  { failedOn, busyNodeId }: AttemptHistory = noHistory,
): NodeSnapshot | undefined {
  const eligible = withoutFailed(nodes, failedOn).filter(isEligible);
  const elsewhere = eligible.filter(({ nodeId }) => nodeId !== busyNodeId);
  return (elsewhere.length > 0 ? elsewhere : eligible).sort(
    (a, b) => scoreFreeSlots(b) - scoreFreeSlots(a) || a.claims - b.claims || (a.nodeId < b.nodeId ? -1 : 1),
  )[0];
}
