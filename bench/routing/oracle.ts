import { expectFinish } from '../../src/routing/expectedFinish.js';
import type { NodeSnapshot } from '../../src/routing/nodeSnapshot.js';
import type { RoutingDecision, RoutingRequest } from '../../src/routing/policy.js';

/**
 * Takes the earliest end there is, waiting for a busy node included, without margins, bounds or doubts: it is given
 * snapshots of what really is in all caches, and how long every answer and every running request will be.
 */
export function oracle(nodes: readonly NodeSnapshot[], request: RoutingRequest): RoutingDecision {
  const ends = nodes
    .map((node) => ({ node, ms: expectFinish(node, request).totalMs }))
    .sort(
      (a, b) =>
        a.ms - b.ms || b.node.slotsFree - a.node.slotsFree || (a.node.nodeId < b.node.nodeId ? -1 : 1),
    );
  const best = ends[0]?.node;
  const isFree = best !== undefined && best.slotsFree > 0;
  return {
    policy: 'prefix-aware',
    nodeId: isFree ? best.nodeId : undefined,
    reason: isFree ? 'load' : 'awaited',
    candidates: [],
  };
}
