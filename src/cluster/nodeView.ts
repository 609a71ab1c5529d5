import type { BreakerState, EjectionReason, NodeState } from '../protocol/clusterStatus.js';
import type { ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { Admittance } from './admission.js';
import type { ClusterNode, NodeIdentity, NodeWish } from './clusterNode.js';

/** A node as operators see it. */
export interface NodeView {
  readonly id: string;
  readonly identity: NodeIdentity | undefined;
  readonly state: NodeState;
  readonly wish: NodeWish;
  readonly health: HealthView;
  readonly uptimeSeconds: number;
  readonly machine: NodeReport['machine'];
  readonly lastHeartbeatMs: number | undefined;
  readonly models: readonly (ModelReport & { readonly leased: number; readonly tokensPerSecond: number })[];
}

export interface HealthView {
  /** Why it takes no requests although it is up; undefined where it does, or is not up. */
  readonly leftOutBecause: 'breaker' | 'ejected' | 'doubtful' | undefined;
  readonly isProbeFailing: boolean;
  /** An open breaker whose time is over waits for a request to try: that is half-open. */
  readonly breaker: BreakerState;
  readonly ejection: { readonly reason: EjectionReason; readonly forMs: number } | undefined;
  readonly weight: number;
  readonly failuresInARow: number;
  /** Milliseconds since a request last came to its end here. */
  readonly sinceSuccessMs: number | undefined;
}

/** `admittances`: what the node was given for each of its models. */
export function toNodeView(node: ClusterNode, admittances: readonly Admittance[], nowMs: number): NodeView {
  const silentMs = node.silentMs(nowMs);
  return {
    id: node.id,
    identity: node.identity,
    state: node.state(nowMs),
    wish: node.wish,
    health: toHealthView(node, admittances, nowMs),
    uptimeSeconds: node.report.uptimeSeconds,
    machine: node.report.machine,
    lastHeartbeatMs: silentMs === undefined ? undefined : Math.round(silentMs),
    models: node.report.models.map((model) => ({
      ...model,
      leased: node.leased(model.id),
      tokensPerSecond: node.tokensPerSecond(model.id, nowMs),
    })),
  };
}

function toHealthView(
  { health }: ClusterNode,
  admittances: readonly Admittance[],
  nowMs: number,
): HealthView {
  const refusals = admittances.flatMap((admittance) =>
    admittance.kind === 'none' ? admittance.because : [],
  );
  const isLeftOut = refusals.length > 0 && refusals.length === admittances.length;
  const [because] = isLeftOut ? refusals : [];
  const ejection = health.ejection(nowMs);
  const weights = admittances.flatMap((admittance) => (admittance.kind === 'full' ? admittance.weight : []));
  const isTried = health.facts(nowMs).passes === 'trial';
  return {
    leftOutBecause: because === 'notUp' ? undefined : because,
    isProbeFailing: health.isProbeFailing,
    breaker: isTried ? 'half_open' : health.breaker.kind,
    ejection: ejection && { reason: ejection.reason, forMs: Math.ceil(ejection.untilMs - nowMs) },
    weight: Math.min(1, ...weights),
    failuresInARow: health.failuresInARow,
    sinceSuccessMs: health.succeededAtMs === undefined ? undefined : nowMs - health.succeededAtMs,
  };
}
