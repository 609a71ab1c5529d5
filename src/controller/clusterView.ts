import type { AdmissionQueue } from '../cluster/queue/admission.js';
import type { NodeView } from '../cluster/nodeView.js';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { ClusterView, ModelGauges, NodeGauges } from '../observability/clusterView.js';
import { statusOf } from './describeNode.js';

export interface ClusterViewDeps {
  readonly pool: Pick<WorkerPool, 'views' | 'countWanted'>;
  readonly queue: Pick<AdmissionQueue, 'views' | 'limit'>;
  /** Configured models: shown on every node, as zero where the node has not loaded them. */
  readonly models: readonly string[];
  /** And those that only workers report. */
  readonly servedModels: readonly string[];
  readonly connectionsTo: (url: string) => NodeGauges['connections'];
  readonly retryBudget: number;
}

/** The live state as the metrics show it. */
export function readClusterView(deps: ClusterViewDeps): ClusterView {
  const { pool, queue, models, servedModels, retryBudget } = deps;
  const waitingFor = new Map(queue.views().map((view) => [view.model, view]));
  return {
    nodes: pool.views().map((node) => toNodeGauges(node, deps, models)),
    wantedNodes: pool.countWanted(),
    queue: servedModels.map((model) => {
      const { waiting = 0, batch = 0 } = waitingFor.get(model) ?? {};
      return { model, waiting, batch };
    }),
    queueLimit: queue.limit,
    retryBudget,
  };
}

function toNodeGauges(
  node: NodeView,
  { connectionsTo }: Pick<ClusterViewDeps, 'connectionsTo'>,
  models: readonly string[],
): NodeGauges {
  const { id, identity, state, health, uptimeSeconds, lastHeartbeatMs, machine } = node;
  const status = statusOf(node);
  const reported = new Map(node.models.map((model) => [model.id, model]));
  const isGone = status === 'offline';
  return {
    id,
    status,
    state,
    breaker: health.breaker,
    activeRequests: node.models.reduce((sum, model) => sum + model.leased, 0),
    uptimeSeconds: isGone ? 0 : uptimeSeconds,
    reportAgeSeconds: lastHeartbeatMs === undefined ? undefined : lastHeartbeatMs / 1000,
    consecutiveFailures: health.failuresInARow,
    lastSuccessSeconds:
      health.sinceSuccessMs === undefined ? undefined : (Date.now() - health.sinceSuccessMs) / 1000,
    machine,
    connections: identity ? connectionsTo(identity.url) : { active: 0, idle: 0 },
    models: [...new Set([...models, ...reported.keys()])].map((model) =>
      toModelGauges(model, isGone ? undefined : reported.get(model), reported.get(model)?.loadSeconds),
    ),
  };
}

/** The last load stays known when the node is gone. */
function toModelGauges(
  id: string,
  model: NodeView['models'][number] | undefined,
  loadSeconds = 0,
): ModelGauges {
  const room = model && model.slotsTotal * model.contextTokens;
  return {
    id,
    isLoaded: model !== undefined,
    tokensPerSecond: model?.tokensPerSecond ?? 0,
    loadSeconds,
    memoryBytes: model?.memoryBytes ?? 0,
    sizeBytes: model?.sizeBytes,
    layers: model?.layers,
    kvCacheUsage: room && model.cachedTokens !== undefined ? model.cachedTokens / room : undefined,
  };
}
