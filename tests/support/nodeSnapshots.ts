import type { ModelSpeed, NodeSnapshot } from '../../src/routing/nodeSnapshot.js';
import type { RoutingRequest } from '../../src/routing/policy.js';

export const normalSpeed: ModelSpeed = {
  prefillTokensPerSecond: 400,
  decodeTokensPerSecond: 40,
  batchSlowdown: 0.3,
};

/** A ready node with four free slots and cold caches. */
export function snapshot(nodeId: string, fields: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return {
    nodeId,
    isReady: true,
    weight: 1,
    slotsTotal: 4,
    slotsFree: 4,
    claims: 0,
    lastClaim: 0,
    speed: normalSpeed,
    running: [],
    cachedTokens: 0,
    ...fields,
  };
}

/** A first attempt, with a prompt of 400 tokens and an answer of 40: a second each at normal speed. */
export function routingRequest(fields: Partial<RoutingRequest> = {}): RoutingRequest {
  return {
    promptTokens: 400,
    outputTokens: 40,
    history: { failedOn: new Set(), busyNodeId: undefined },
    passedOverMs: 0,
    waitingAhead: new Map(),
    ...fields,
  };
}

/** Every order of the items: a choice must not depend on it. */
export function orders<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) => orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
