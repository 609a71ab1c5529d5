import { freeNodes, servingNodes } from './eligibility.js';
import { expectFinish, outstandingMs, soloMs } from './expectedFinish.js';
import { compareLoad } from './leastBusy.js';
import type { NodeSnapshot } from './nodeSnapshot.js';
import type { RoutingDecision, RoutingPolicy, RoutingRequest } from './policy.js';

/** A node gets nothing for its caches alone while it has this many times the mean load, and one request more. */
export const loadBound = 1.25;
/** Closer estimates than that count as equal. */
export const tolerance = 0.05;
/** Waiting for a busy node has to promise an end sooner by this part. */
export const waitMargin = 0.2;
/** So long a request passes free slots over at most. */
export const mostPassedOverMs = 2_000;

interface Estimate extends NodeSnapshot {
  readonly expectedMs: number;
  readonly waitMs: number;
  readonly isOverloaded: boolean;
}

/**
 * Score: how soon the request would be done on a node (waiting for a slot, evaluating what is not cached there,
 * generating), against the best. Pick: the best one with a free slot and no more than its share of the load; among
 * those that are about as good the one that holds the most of the prompt, then the least busy.
 */
export const prefixAware: RoutingPolicy = (nodes, request) => {
  const estimates = toEstimates(servingNodes(nodes, request.history), request);
  const free = freeNodes(estimates, request.history);
  const best = pickBest(free);
  const allowed = pickBest(free.filter(({ isOverloaded }) => !isOverloaded)) ?? leastLoaded(free);
  const awaited = allowed && findWorthWaiting(estimates, allowed, request);
  const candidates = toCandidates(estimates);

  if (!allowed) return { policy: 'prefix-aware', nodeId: undefined, reason: 'full', candidates };
  if (awaited) {
    const mostMs = mostPassedOverMs - request.passedOverMs;
    const wait = { nodeId: awaited.nodeId, mostMs };
    return { policy: 'prefix-aware', nodeId: undefined, reason: 'awaited', awaited: wait, candidates };
  }
  return {
    policy: 'prefix-aware',
    nodeId: allowed.nodeId,
    reason: reasonFor(allowed, best, free),
    candidates,
  };
};

function toEstimates(serving: readonly NodeSnapshot[], request: RoutingRequest): Estimate[] {
  const loads = serving.map(outstandingMs);
  const total = loads.reduce((sum, load) => sum + load, 0);
  return serving.map((node, index) => {
    const { totalMs, waitMs } = expectFinish(node, request);
    const { promptTokens: prefillTokens, outputTokens: decodeTokens } = request;
    const own = soloMs({ prefillTokens, decodeTokens }, node);
    const bound = (loadBound * (total + own)) / serving.length + own;
    return {
      ...node,
      expectedMs: totalMs / node.weight,
      waitMs,
      isOverloaded: (loads[index] ?? 0) > bound * node.weight,
    };
  });
}

/** Compares with the best, not with each other, so that being about as good does not depend on the order. */
function pickBest(estimates: readonly Estimate[]): Estimate | undefined {
  const least = Math.min(...estimates.map(({ expectedMs }) => expectedMs));
  return estimates
    .filter(({ expectedMs }) => expectedMs <= least * (1 + tolerance))
    .sort((a, b) => b.cachedTokens - a.cachedTokens || compareLoad(a, b))[0];
}

/** Where all with a free slot have too much already, because those without one have little to do. */
function leastLoaded(estimates: readonly Estimate[]): Estimate | undefined {
  return [...estimates].sort((a, b) => outstandingMs(a) - outstandingMs(b) || compareLoad(a, b))[0];
}

/** A full node that holds much of the prompt, if waiting for its next slot is clearly the sooner end. */
function findWorthWaiting(
  estimates: readonly Estimate[],
  taken: Estimate,
  { passedOverMs, history }: RoutingRequest,
): Estimate | undefined {
  const mostMs = mostPassedOverMs - passedOverMs;
  const full = estimates.filter(
    ({ slotsFree, nodeId, cachedTokens, waitMs, expectedMs, isOverloaded }) =>
      slotsFree <= 0 &&
      nodeId !== history.busyNodeId &&
      cachedTokens > taken.cachedTokens &&
      waitMs < mostMs &&
      !isOverloaded &&
      expectedMs < taken.expectedMs * (1 - waitMargin),
  );
  return pickBest(full);
}

function reasonFor(
  taken: Estimate,
  best: Estimate | undefined,
  free: readonly Estimate[],
): RoutingDecision['reason'] {
  if (taken.nodeId !== best?.nodeId) return 'spread';
  const isKnown = free.some(({ cachedTokens }) => cachedTokens < taken.cachedTokens);
  return isKnown && free.every(({ cachedTokens }) => cachedTokens <= taken.cachedTokens) ? 'prefix' : 'load';
}

function toCandidates(estimates: readonly Estimate[]): RoutingDecision['candidates'] {
  const least = Math.min(...estimates.map(({ expectedMs }) => expectedMs));
  return estimates.map(({ nodeId, expectedMs, cachedTokens, slotsFree, isOverloaded }) => ({
    nodeId,
    score: expectedMs === 0 ? 1 : Number.isFinite(expectedMs) ? least / expectedMs : 0,
    ...(Number.isFinite(expectedMs) ? { expectedMs: Math.round(expectedMs) } : {}),
    cachedTokens,
    ...(slotsFree <= 0 ? { passedOver: 'full' as const } : {}),
    ...(slotsFree > 0 && isOverloaded ? { passedOver: 'overloaded' as const } : {}),
  }));
}
