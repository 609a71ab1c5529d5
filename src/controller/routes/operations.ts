import type { Registry } from 'prom-client';
import type { WorkerPool } from '../../cluster/workerPool.js';
import {
  type ClusterStatus,
  type HealthStatus,
  type NodeStatus,
  nodeStatusOf,
  type ReadyStatus,
} from '../../protocol/clusterStatus.js';
import type { Route } from './route.js';

export interface OperationsDeps {
  readonly pool: Pick<WorkerPool, 'views'>;
  readonly queue: { readonly limit: number; waiting(): number };
  readonly registry: Registry;
  readonly version: string;
  readonly isDraining: () => boolean;
  /** Inference requests and failures since the start. */
  readonly totals: () => Promise<{ requests: number; errors: number }>;
}

/** What operators and probes ask: `/health`, `/ready`, `/cluster/status`, `/metrics`. */
export function operationsRoutes(deps: OperationsDeps): Route[] {
  let wasReady = false;

  function readStatus(): { status: 'ok' | 'starting' | 'unavailable'; workers: Record<NodeStatus, number> } {
    const workers: Record<NodeStatus, number> = { healthy: 0, degraded: 0, offline: 0 };
    for (const node of deps.pool.views()) workers[nodeStatusOf[node.state]]++;
    if (workers.healthy > 0) wasReady = true;
    if (workers.healthy > 0) return { status: 'ok', workers };
    return { status: wasReady ? 'unavailable' : 'starting', workers };
  }

  function readHealth(): HealthStatus {
    const { status, workers } = readStatus();
    return { status, version: deps.version, uptimeSeconds: Math.round(process.uptime()), workers };
  }

  async function readCluster(): Promise<ClusterStatus> {
    const nodes = deps.pool.views().map((node): ClusterStatus['nodes'][number] => ({
      id: node.id,
      url: node.identity?.url ?? null,
      pid: node.identity?.pid ?? null,
      state: node.state,
      status: nodeStatusOf[node.state],
      models: node.models.map(({ id }) => id),
      slots: {
        busy: sum(node.models.map(({ leased }) => leased)),
        total: sum(node.models.map(({ slotsTotal }) => slotsTotal)),
      },
      activeRequests: sum(node.models.map(({ leased }) => leased)),
      tokensPerSecond: sum(node.models.map(({ tokensPerSecond }) => tokensPerSecond)),
      uptimeSeconds: Math.round(node.uptimeSeconds),
      lastHeartbeatMs: node.lastHeartbeatMs ?? null,
    }));
    return {
      status: deps.isDraining() ? 'draining' : readStatus().status,
      uptimeSeconds: Math.round(process.uptime()),
      queue: { waiting: deps.queue.waiting(), limit: deps.queue.limit },
      totals: { ...(await deps.totals()), tokensPerSecond: sum(nodes.map((node) => node.tokensPerSecond)) },
      nodes,
    };
  }

  return [
    {
      path: '/health',
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
    { path: '/cluster/status', methods: { GET: [async (_req, res) => void res.json(await readCluster())] } },
    {
      path: '/metrics',
      isInternal: true,
      methods: {
        GET: [
          async (_req, res) => {
            res.set('content-type', deps.registry.contentType).send(await deps.registry.metrics());
          },
        ],
      },
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
