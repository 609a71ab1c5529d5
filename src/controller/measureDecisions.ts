import type { ControllerEvents } from '../observability/events.js';
import type { RoutingPolicy } from '../routing/policy.js';

/** The policy, with each of its decisions counted and timed. */
export function measureDecisions(
  policy: RoutingPolicy,
  routeDecided: ControllerEvents['routeDecided'],
): RoutingPolicy {
  return (nodes, request) => {
    const decidedAt = performance.now();
    const decision = policy(nodes, request);
    const tookMs = performance.now() - decidedAt;
    routeDecided({
      policy: decision.policy,
      reason: decision.reason,
      isGranted: decision.nodeId !== undefined,
      durationMs: tookMs,
    });
    return { ...decision, timing: { decidedAt, tookMs } };
  };
}
