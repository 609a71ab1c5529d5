import type { ControllerEvents } from '../observability/events.js';
import type { RoutingPolicy } from '../routing/policy.js';

/** The policy, with each of its decisions counted and timed. */
export function measureDecisions(
  policy: RoutingPolicy,
  routeDecided: ControllerEvents['routeDecided'],
): RoutingPolicy {
  return (nodes, request) => {
    const startedAt = performance.now();
    const decision = policy(nodes, request);
    const durationMs = performance.now() - startedAt;
    routeDecided({
      policy: decision.policy,
      reason: decision.reason,
      isGranted: decision.nodeId !== undefined,
      durationMs,
    });
    return decision;
  };
}
