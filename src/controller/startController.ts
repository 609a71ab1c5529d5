import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startHeartbeatMonitor } from '../cluster/heartbeatMonitor.js';
import { createAdmissionQueue } from '../cluster/queue/admissionQueue.js';
import { RetryBudget } from '../cluster/retryBudget.js';
import { WorkerFates } from '../cluster/workerFates.js';
import { WorkerPool } from '../cluster/workerPool.js';
import { createControllerEvents } from '../observability/events.js';
import type { Logger } from '../observability/logger.js';
import { createControllerMetrics, initializeRoute } from '../observability/metrics.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import type { CacheSharing, RoutingPolicyName } from '../protocol/routing.js';
import { policies } from '../routing/policies.js';
import { openStores } from '../stores/openStores.js';
import { answerWhatNodeRefuses } from './answerWhatNodeRefuses.js';
import { createApp } from './app.js';
import { toBatchEndpoint, type BatchEndpoint } from './batches/executeLine.js';
import { createBatches } from './batches/createBatches.js';
import { readClusterView } from './clusterView.js';
import { createAskReadyWorker } from './askReadyWorker.js';
import { createDispatcher } from './dispatch.js';
import { createSuspicions } from './recovery/suspicions.js';
import { chatCompletionsEndpoint } from './endpoints/chatCompletions.js';
import { completionsEndpoint } from './endpoints/completions.js';
import { createResponsesEndpoint } from './endpoints/responses.js';
import { documentationRoutes } from './routes/documentation.js';
import { anthropicRoutes } from './routes/anthropicMessages.js';
import { createEmbeddings } from './endpoints/embeddings.js';
import { createRerank, rerankPaths } from './endpoints/rerank.js';
import { createDetokenize, createTokenize } from './endpoints/tokenization.js';
import { createDrainGate } from './middleware/drainGate.js';
import { measureDecisions } from './measureDecisions.js';
import { createModelRegistry } from './modelRegistry.js';
import { clusterNodesRoutes } from './routes/clusterNodes.js';
import { createRequestWorks } from './requestWork.js';
import { executionRoute } from './routes/execution.js';
import { batchesRoutes } from './routes/batches.js';
import { defaultMaxFileBytes, filesRoutes } from './routes/files.js';
import { generationRoute } from './routes/generation.js';
import { internalNodesRoutes } from './routes/internalNodes.js';
import { modelsRoutes } from './routes/models.js';
import { operationsRoutes } from './routes/operations.js';
import { responsesRoutes } from './routes/responses.js';
import type { Route } from './routes/route.js';
import { defaultStreamTimings, type StreamTimings } from './respond.js';
import { refuseSlowBodies } from './refuseSlowBodies.js';
import { defaultProbeTimings, startWorkerProbes, type ProbeTimings } from './upstream/probeWorkers.js';
import { createWorkerClient } from './upstream/workerClient.js';

export interface ControllerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Configured models and nodes: listed, counted and waited for before they have joined. */
  readonly models: readonly string[];
  readonly nodeIds: readonly string[];
  /** How a worker is chosen: `prefix-aware` by default. */
  readonly routing?: RoutingPolicyName;
  /** Who may share cached prompt prefixes: `keys` by default, each with itself. */
  readonly cacheSharing?: CacheSharing;
  /** Requests that may wait for one model. */
  readonly queueLimit: number;
  /** UTF-8 bytes of the prompts that may wait for one model. */
  readonly queuePromptBytes?: number;
  readonly queueTimeoutMs: number;
  /** The longest time for a request. */
  readonly requestTimeoutMs?: number;
  readonly drainTimeoutMs: number;
  /** A worker that says nothing for so long is given up; 5 s by default. */
  readonly workerSilenceMs?: number;
  /** What outlives requests is kept in here, and belongs to the controller alone. */
  readonly dataDir: string;
  /** Of one uploaded file. */
  readonly maxFileBytes?: number;
  /** More are closed at once, so that those that are there can be served. */
  readonly maxConnections?: number;
  readonly streamTimings?: Partial<StreamTimings>;
  readonly probeTimings?: Partial<ProbeTimings>;
  readonly isAllowedWorkerHost: (hostname: string) => boolean;
  readonly version: string;
  readonly logger: Logger;
}

export interface RunningController {
  readonly url: string;
  /** Refuses new work, lets the running requests end (up to the drain time), then closes everything. */
  close(): Promise<void>;
}

const defaultQueuePromptBytes = 64_000_000;
const defaultRequestTimeoutMs = 3_600_000;
/** Below a client's own keep-alive time, a connection would be closed at the moment it is used again. */
const keepAliveTimeoutMs = 75_000;
/** For the head of a request; answers take as long as they take. */
const headersTimeoutMs = 10_000;
const connectionsCheckingIntervalMs = 1_000;

/**
 * Builds the controller and listens.
 *
 * @throws where the port is taken.
 */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const now = () => performance.now();
  const stores = openStores(options.dataDir);
  const budget = new RetryBudget();
  const fates = new WorkerFates();
  const metrics = createControllerMetrics({
    models: options.models,
    nodeIds: options.nodeIds,
    keyIds: [anonymousPrincipal.keyId],
    readCluster: () => readClusterView({ pool, queue, models: options.models, servedModels: models.ids() }),
    readRetryBudget: () => budget.remainingRatio(now()),
  });
  const events = createControllerEvents({ logger: options.logger, metrics });
  const gate = createDrainGate(events);
  const pool = new WorkerPool({ nodeIds: options.nodeIds, now, events });
  const queue = createAdmissionQueue({
    pool,
    route: measureDecisions(policies[options.routing ?? 'prefix-aware'], events.routeDecided),
    limits: {
      requests: options.queueLimit,
      promptBytes: options.queuePromptBytes ?? defaultQueuePromptBytes,
    },
    timeoutMs: options.queueTimeoutMs,
    now,
  });
  const models = createModelRegistry({
    configured: options.models,
    pool,
    nowSeconds: () => Math.floor(Date.now() / 1000),
  });
  const workers = createWorkerClient({ silenceTimeoutMs: options.workerSilenceMs });
  const dispatcher = createDispatcher({
    queue,
    pool,
    workers,
    fates,
    budget,
    suspicionsOf: createSuspicions({ fates, events, now }),
    works: createRequestWorks(options.cacheSharing ?? 'keys'),
    events,
    now,
    queueTimeoutMs: options.queueTimeoutMs,
  });

  const generation = {
    dispatcher,
    models,
    gate: gate.middleware,
    timings: { ...defaultStreamTimings, ...options.streamTimings },
  };

  const execution = {
    dispatcher,
    askReadyWorker: createAskReadyWorker({ pool, events }),
    workers,
    models,
  };
  const responsesEndpoint = createResponsesEndpoint(stores.responses);
  const embed = createEmbeddings(execution);
  const batchEndpoints: Record<string, BatchEndpoint> = {
    [chatCompletionsEndpoint.path]: toBatchEndpoint(generation, chatCompletionsEndpoint),
    [completionsEndpoint.path]: toBatchEndpoint(generation, completionsEndpoint),
    [responsesEndpoint.path]: toBatchEndpoint(generation, responsesEndpoint),
    '/v1/embeddings': {
      kind: 'embedding',
      run: (body, { asker, inference, signal }) => embed(body, asker, signal, inference),
    },
  };
  const batches = createBatches({
    stores,
    endpoints: batchEndpoints,
    models,
    slotsOf: (model) => {
      const ready = pool.snapshotsFor(model).filter(({ isReady }) => isReady);
      return ready.reduce((sum, { slotsTotal }) => sum + slotsTotal, 0);
    },
    hasWorkers: () => pool.modelIds().length > 0,
    events,
  });

  const routes: Route[] = [
    generationRoute(generation, chatCompletionsEndpoint, ['/chat/completions']),
    generationRoute(generation, completionsEndpoint, ['/completions']),
    generationRoute(generation, responsesEndpoint, ['/responses']),
    ...responsesRoutes({ ...generation, ...execution, store: stores.responses }),
    ...anthropicRoutes({ ...generation, ...execution }),
    executionRoute(gate.middleware, embed, ['/v1/embeddings', '/embeddings']),
    executionRoute(gate.middleware, createRerank(execution), rerankPaths),
    executionRoute(gate.middleware, createTokenize(execution), ['/tokenize', '/v1/tokenize'], {
      isCounted: false,
    }),
    executionRoute(gate.middleware, createDetokenize(execution), ['/detokenize', '/v1/detokenize'], {
      isCounted: false,
    }),
    ...modelsRoutes(models),
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
    ...filesRoutes({
      files: stores.files,
      userOf: stores.batches.activeIdWithInput,
      gate: gate.middleware,
      maxFileBytes: options.maxFileBytes ?? defaultMaxFileBytes,
      stallTimeoutMs: generation.timings.stallTimeoutMs,
    }),
    ...batchesRoutes({
      batches: stores.batches,
      files: stores.files,
      runner: batches.runner,
      endpoints: Object.keys(batchEndpoints),
      gate: gate.middleware,
    }),
    ...clusterNodesRoutes({ pool }),
    ...internalNodesRoutes({ pool, fates, isAllowedWorkerHost: options.isAllowedWorkerHost }),
    ...documentationRoutes({ version: options.version, models }),
  ];
  for (const { path, methods, isInternal } of routes) {
    for (const method of Object.keys(methods)) if (!isInternal) initializeRoute(metrics, method, path);
  }

  const app = createApp({
    events,
    routes,
    requestTimeoutMs: options.requestTimeoutMs ?? defaultRequestTimeoutMs,
  });
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: connectionsCheckingIntervalMs,
      noDelay: true,
    },
    app,
  );
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  answerWhatNodeRefuses(server, app);
  refuseSlowBodies(server);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const monitor = startHeartbeatMonitor(pool);
  const probes = startWorkerProbes(pool, { ...defaultProbeTimings, ...options.probeTimings });
  batches.resume();
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  options.logger.info('controller ready', { url });

  return {
    url,
    close: async () => {
      events.draining(gate.activeRequests());
      await Promise.all([gate.drain(options.drainTimeoutMs), batches.close()]);
      monitor.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, workers.close(), probes.close()]);
      stores.close();
    },
  };
}
