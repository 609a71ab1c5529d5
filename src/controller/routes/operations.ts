import compression from 'compression';
import type { AdmissionQueue } from '../../cluster/queue/admission.js';
import type { WorkerPool } from '../../cluster/workerPool.js';
import type { ClusterStatus, HealthStatus, NodeStatus, ReadyStatus } from '../../protocol/clusterStatus.js';
import { describeNode, statusOf, sumOfRates } from '../describeNode.js';
import { createLimitRate } from '../limitRate.js';
import type { Route } from './route.js';

export interface OperationsDeps {
  readonly pool: Pick<WorkerPool, 'views'>;
  readonly queue: Pick<AdmissionQueue, 'limit' | 'waiting' | 'views'>;
  /** Questions for the status. */
  readonly scrapesPerSecond: number;
  readonly version: string;
  readonly isDraining: () => boolean;
  /** Inference requests and failures since the start. */
  readonly totals: () => { readonly requests: number; readonly errors: number };
}

/** What operators and probes ask: `/health`, `/ready`, `/cluster/status`. */
export function operationsRoutes(deps: OperationsDeps): Route[] {
  let wasReady = false;

  function readStatus(): { status: 'ok' | 'starting' | 'unavailable'; workers: Record<NodeStatus, number> } {
    const workers: Record<NodeStatus, number> = { healthy: 0, degraded: 0, offline: 0 };
    for (const node of deps.pool.views()) workers[statusOf(node)]++;
    if (workers.healthy > 0) wasReady = true;
    if (workers.healthy > 0) return { status: 'ok', workers };
    return { status: wasReady ? 'unavailable' : 'starting', workers };
  }

  function readHealth(): HealthStatus {
    const { status, workers } = readStatus();
    return { status, version: deps.version, uptimeSeconds: Math.round(process.uptime()), workers };
  }

  function readCluster(): ClusterStatus {
    const nodes = deps.pool.views().map(describeNode);
    return {
      status: deps.isDraining() ? 'draining' : readStatus().status,
      uptimeSeconds: Math.round(process.uptime()),
      queue: {
        waiting: deps.queue.waiting(),
        limit: deps.queue.limit,
        models: deps.queue.views().map((view) => ({ ...view, oldestWaitMs: Math.round(view.oldestWaitMs) })),
      },
      totals: { ...deps.totals(), tokensPerSecond: sumOfRates(nodes) },
      nodes,
    };
  }

  return [
    {
      path: '/health',
      access: 'anyone',
      methods: {
        GET: [
          (_req, res) => {
            const health = readHealth();
            res.status(health.status === 'ok' ? 200 : 503).json(health);
          },
        ],
      },
    },
    {
      path: '/ready',
      access: 'anyone',
      methods: {
        GET: [
          (_req, res) => {
            const isReady = readStatus().status === 'ok' && !deps.isDraining();
            const status = deps.isDraining() ? 'draining' : readStatus().status;
            res.status(isReady ? 200 : 503).json({ ready: isReady, status } satisfies ReadyStatus);
          },
        ],
      },
    },
    {
      path: '/cluster/status',
      access: 'operator',
      methods: {
        GET: [
          createLimitRate(deps.scrapesPerSecond),
          compression(),
          (_req, res) => void res.json(readCluster()),
        ],
      },
    },
  ];
}
