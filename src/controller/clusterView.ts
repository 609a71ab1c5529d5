import type { WorkerPool } from '../cluster/workerPool.js';
import type { ClusterView } from '../observability/clusterView.js';
import { statusOf } from './describeNode.js';

export interface ClusterViewDeps {
  readonly pool: Pick<WorkerPool, 'views' | 'countWanted'>;
  readonly queue: { waitingFor(model: string): number };
  /** Configured models: shown on every node, as zero where the node has not loaded them. */
  readonly models: readonly string[];
  /** And those that only workers report. */
  readonly servedModels: readonly string[];
}

/** The live state as the metrics show it. */
export function readClusterView({ pool, queue, models, servedModels }: ClusterViewDeps): ClusterView {
  const nodes = pool.views().map((node) => {
    const status = statusOf(node);
    const reported = new Map(node.models.map((model) => [model.id, model]));
    const ids = new Set([...models, ...reported.keys()]);
    return {
      id: node.id,
      status,
      breaker: node.health.breaker,
      activeRequests: node.models.reduce((sum, model) => sum + model.leased, 0),
      models: [...ids].map((id) => {
        const model = reported.get(id);
        return {
          id,
          tokensPerSecond: model?.tokensPerSecond ?? 0,
          loadSeconds: model?.loadSeconds ?? 0,
          memoryBytes: status === 'offline' ? 0 : (model?.memoryBytes ?? 0),
        };
      }),
    };
  });
  return {
    nodes,
    wantedNodes: pool.countWanted(),
    queue: servedModels.map((model) => ({ model, waiting: queue.waitingFor(model) })),
  };
}
