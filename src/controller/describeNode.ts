import type { NodeView } from '../cluster/nodeView.js';
import {
  nodeStatusOf,
  type EjectionReason,
  type NodeDescription,
  type NodeStatus,
} from '../protocol/clusterStatus.js';

/** A node that is up but left out takes no requests, which is what degraded means. */
export function statusOf({ state, health }: NodeView): NodeStatus {
  const status = nodeStatusOf[state];
  return status === 'healthy' && health.leftOutBecause ? 'degraded' : status;
}

/** A node as `/cluster/status` shows it. */
export function describeNode(node: NodeView): NodeDescription {
  const { health, models, identity } = node;
  const busy = sum(models.map(({ leased }) => leased));
  return {
    id: node.id,
    url: identity?.advertisedUrl ?? null,
    pid: identity?.pid ?? null,
    state: node.state,
    status: statusOf(node),
    reason: explain(node) ?? null,
    models: models.map(({ id }) => id),
    slots: { busy, total: sum(models.map(({ slotsTotal }) => slotsTotal)) },
    activeRequests: busy,
    tokensPerSecond: sumOfRates(models),
    uptimeSeconds: Math.round(node.uptimeSeconds),
    lastHeartbeatMs: node.lastHeartbeatMs ?? null,
    drainRequested: node.wish !== 'serve',
    weight: Number(health.weight.toFixed(2)),
    breaker: health.breaker,
    ejection: health.ejection ?? null,
  };
}

const ejectionTexts: Readonly<Record<EjectionReason, string>> = {
  failures: 'it fails more requests than its peers',
  slow_first_token: 'its first tokens come later than those of its peers',
  slow_tokens: 'its tokens come slower than those of its peers',
};

function explain({ state, wish, health }: NodeView): string | undefined {
  if (wish === 'leave') return 'being removed: it goes with its last request';
  if (wish === 'drain') return 'drained by an operator';
  if (state === 'suspect' && health.isProbeFailing) return 'it does not answer health probes';
  switch (health.leftOutBecause) {
    case 'breaker':
      return health.breaker === 'open'
        ? 'circuit breaker: requests failed in a row, one is tried soon'
        : 'circuit breaker: requests failed in a row, one is being tried';
    case 'ejected':
      return health.ejection && `left out: ${ejectionTexts[health.ejection.reason]}`;
    case 'doubtful':
      return 'it did not answer the last health probe';
    case undefined:
      return undefined;
  }
}

/** Tokens a second of all of them, to a tenth. */
export function sumOfRates(parts: readonly { readonly tokensPerSecond: number }[]): number {
  return Math.round(sum(parts.map(({ tokensPerSecond }) => tokensPerSecond)) * 10) / 10;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
