import type { RoutingReceipt } from '../protocol/routing.js';
import type { RoutingDecision } from '../routing/policy.js';

/** A header has to stay small in a large cluster, too. */
const mostCandidates = 8;

/** What is told about a decision, together with what the worker said when it accepted the request. */
export function toReceipt(
  { policy, reason, nodeId = '', candidates }: RoutingDecision,
  { promptTokens, cachedTokens }: { readonly promptTokens: number; readonly cachedTokens: number },
): RoutingReceipt {
  const best = [...candidates].sort((a, b) => b.score - a.score).slice(0, mostCandidates);
  return {
    policy,
    reason,
    nodeId,
    promptTokens,
    expectedCachedTokens: candidates.find((candidate) => candidate.nodeId === nodeId)?.cachedTokens ?? 0,
    cachedTokens,
    candidates: best.map((candidate) => ({ ...candidate, score: Math.round(candidate.score * 1000) / 1000 })),
  };
}
