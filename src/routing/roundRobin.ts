import { freeNodes, servingNodes } from './eligibility.js';
import type { RoutingPolicy } from './policy.js';

/** Pick: the node whose last turn was the longest ago. Score: the share of nodes that were served after it. */
export const roundRobin: RoutingPolicy = (nodes, { history }) => {
  const serving = servingNodes(nodes, history);
  const next = [...freeNodes(serving, history)].sort(
    (a, b) => a.lastClaim - b.lastClaim || (a.nodeId < b.nodeId ? -1 : 1),
  )[0];
  return {
    policy: 'round-robin',
    nodeId: next?.nodeId,
    reason: next ? 'turn' : 'full',
    candidates: serving.map(({ nodeId, lastClaim, cachedTokens, slotsFree }) => ({
      nodeId,
      score: serving.filter((other) => other.lastClaim >= lastClaim).length / serving.length,
      cachedTokens,
      ...(slotsFree > 0 ? {} : { passedOver: 'full' as const }),
    })),
  };
};
