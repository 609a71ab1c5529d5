import { freeNodes, servingNodes } from './eligibility.js';
import type { NodeSnapshot } from './nodeSnapshot.js';
import type { RoutingPolicy } from './policy.js';

/** Score, 0..1: the share of the node's slots that is free, less while it starts slowly. */
export function scoreFreeSlots({ slotsFree, slotsTotal, weight }: NodeSnapshot): number {
  return slotsTotal === 0 ? 0 : (Math.max(0, slotsFree) / slotsTotal) * weight;
}

/** Among nodes that are as good: the one with more free slots, fewer requests so far, the first by id. */
export function compareLoad(a: NodeSnapshot, b: NodeSnapshot): number {
  return scoreFreeSlots(b) - scoreFreeSlots(a) || a.claims - b.claims || (a.nodeId < b.nodeId ? -1 : 1);
}

/** Pick: the largest share of free slots, whatever the nodes are and hold. */
export const leastBusy: RoutingPolicy = (nodes, { history }) => {
  const serving = servingNodes(nodes, history);
  const best = [...freeNodes(serving, history)].sort(compareLoad)[0];
  return {
    policy: 'least-busy',
    nodeId: best?.nodeId,
    reason: best ? 'load' : 'full',
    candidates: serving.map((node) => ({
      nodeId: node.nodeId,
      score: scoreFreeSlots(node),
      cachedTokens: node.cachedTokens,
      ...(node.slotsFree > 0 ? {} : { passedOver: 'full' as const }),
    })),
  };
};
