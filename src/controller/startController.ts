import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdmissionQueue } from '../cluster/admissionQueue.js';
import { startHeartbeatMonitor } from '../cluster/heartbeatMonitor.js';
import { WorkerPool } from '../cluster/workerPool.js';
import { createControllerEvents } from '../observability/events.js';
import type { Logger } from '../observability/logger.js';
import { createControllerMetrics, initializeRoute } from '../observability/metrics.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import { pickLeastBusy } from '../routing/leastBusy.js';
import { createApp } from './app.js';
import { readClusterView } from './clusterView.js';
import { createDispatcher } from './dispatch.js';
import { createDrainGate } from './middleware/drainGate.js';
import { chatCompletionsRoutes } from './routes/chatCompletions.js';
import { internalNodesRoutes } from './routes/internalNodes.js';
import { modelsRoutes, type ModelRegistry } from './routes/models.js';
import { operationsRoutes } from './routes/operations.js';
import type { Route } from './routes/route.js';
import { createWorkerClient } from './upstream/workerClient.js';

export interface ControllerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Configured models and nodes: listed, counted and waited for before they have joined. */
  readonly models: readonly string[];
  readonly nodeIds: readonly string[];
  readonly queueLimit: number;
  readonly queueTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** A stream whose client takes nothing for so long is cut; 30 s by default. */
  readonly stallTimeoutMs?: number;
  readonly isAllowedWorkerHost: (hostname: string) => boolean;
  readonly version: string;
  readonly logger: Logger;
}

export interface RunningController {
  readonly url: string;
  /** Refuses new work, lets the running requests end (up to the drain time), then closes everything. */
  close(): Promise<void>;
}

/** Below a client's own keep-alive time, a connection would be closed at the moment it is used again. */
const keepAliveTimeoutMs = 75_000;
/** For the head and for the whole of a request; answers take as long as they take. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const connectionsCheckingIntervalMs = 1_000;

/**
 * Builds the controller and listens.
 *
 * @throws where the port is taken.
 */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const now = () => performance.now();
  const gate = createDrainGate();
  const metrics = createControllerMetrics({
    models: options.models,
    nodeIds: options.nodeIds,
    keyIds: [anonymousPrincipal.keyId],
    minHealthyNodes: options.nodeIds.length,
    readCluster: () => readClusterView({ pool, queue, models: options.models, servedModels: models.ids() }),
  });
  const events = createControllerEvents({ logger: options.logger, metrics });
  const pool = new WorkerPool({ nodeIds: options.nodeIds, now, onStateChanged: events.nodeStateChanged });
  const queue = createAdmissionQueue({
    pool,
    pick: pickLeastBusy,
    limit: options.queueLimit,
    timeoutMs: options.queueTimeoutMs,
    now,
  });
  const models: ModelRegistry = { ids: () => [...new Set([...options.models, ...pool.modelIds()])] };
  const workers = createWorkerClient();
  const dispatch = createDispatcher({ queue, pool, workers, events, queueTimeoutMs: options.queueTimeoutMs });

  const routes: Route[] = [
    ...chatCompletionsRoutes({
      dispatch,
      models,
      gate: gate.middleware,
      stallTimeoutMs: options.stallTimeoutMs ?? 30_000,
    }),
    ...modelsRoutes(models, Math.floor(Date.now() / 1000)),
    ...operationsRoutes({
      pool,
      queue,
      registry: metrics.registry,
      version: options.version,
      isDraining: gate.isDraining,
      totals: async () => {
        const { values } = await metrics.inferenceRequests.get();
        const sum = (of: typeof values) => of.reduce((total, { value }) => total + value, 0);
        return {
          requests: sum(values),
          errors: sum(values.filter(({ labels }) => labels.status === 'error')),
        };
      },
    }),
    ...internalNodesRoutes({ pool, isAllowedWorkerHost: options.isAllowedWorkerHost }),
  ];
  for (const { path, methods, isInternal } of routes) {
    for (const method of Object.keys(methods)) if (!isInternal) initializeRoute(metrics, method, path);
  }

  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: connectionsCheckingIntervalMs,
      noDelay: true,
    },
    createApp({ events, routes }),
  );
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const monitor = startHeartbeatMonitor(pool);
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  options.logger.info('controller ready', { url });

  return {
    url,
    close: async () => {
      events.draining(gate.activeRequests());
      await gate.drain(options.drainTimeoutMs);
      monitor.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, workers.close()]);
    },
  };
}
