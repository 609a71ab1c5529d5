import type { WorkerFates } from '../cluster/workerFates.js';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { AdmissionQueue } from '../cluster/queue/admission.js';
import type { ControllerEvents } from '../observability/events.js';
import { initializeRoute, type ControllerMetrics } from '../observability/metrics/controllerMetrics.js';
import { createNetworks } from '../security/networks.js';
import type { Stores } from '../stores/openStores.js';
import { createBatches, type Batches } from './batches/createBatches.js';
import { toBatchEndpoint, type BatchEndpoint } from './batches/executeLine.js';
import { createAskReadyWorker } from './askReadyWorker.js';
import type { ControllerOptions } from './controllerOptions.js';
import type { Dispatcher } from './dispatch.js';
import { chatCompletionsEndpoint } from './endpoints/chatCompletions.js';
import { completionsEndpoint } from './endpoints/completions.js';
import { createEmbeddings } from './endpoints/embeddings.js';
import { createRerank, rerankPaths } from './endpoints/rerank.js';
import { createResponsesEndpoint } from './endpoints/responses.js';
import { createDetokenize, createTokenize } from './endpoints/tokenization.js';
import type { KeyRing } from './keys/keyRing.js';
import type { OpenAccount } from './limits/accounts.js';
import type { DrainGate } from './middleware/drainGate.js';
import type { RequestWorks } from './requestWork.js';
import { defaultStreamTimings } from './respond.js';
import { adminKeysRoutes } from './routes/adminKeys.js';
import { adminUsageRoutes } from './routes/adminUsage.js';
import { anthropicRoutes } from './routes/anthropicMessages.js';
import { batchesRoutes } from './routes/batches.js';
import { clusterNodesRoutes } from './routes/clusterNodes.js';
import { documentationRoutes } from './routes/documentation.js';
import { executionRoute } from './routes/execution.js';
import { defaultMaxFileBytes, filesRoutes } from './routes/files.js';
import { generationRoute } from './routes/generation.js';
import { internalNodesRoutes } from './routes/internalNodes.js';
import { metricsRoutes } from './routes/metrics.js';
import { modelsRoutes, type ModelRegistry } from './routes/models.js';
import { operationsRoutes } from './routes/operations.js';
import { responsesRoutes } from './routes/responses.js';
import type { Route } from './routes/route.js';
import { createResolveWorker } from './upstream/resolveWorker.js';
import type { WorkerClient } from './upstream/workerClient.js';

export interface ApiDeps {
  readonly options: ControllerOptions;
  readonly stores: Stores;
  readonly metrics: ControllerMetrics;
  readonly events: ControllerEvents;
  readonly keys: KeyRing;
  readonly openAccount: OpenAccount;
  readonly gate: DrainGate;
  readonly pool: WorkerPool;
  readonly queue: AdmissionQueue;
  readonly models: ModelRegistry;
  readonly workers: WorkerClient;
  readonly works: RequestWorks;
  readonly fates: WorkerFates;
  readonly dispatcher: Dispatcher;
}

export interface Api {
  /** All that the endpoint's port serves. */
  readonly routes: readonly Route[];
  /** What the metrics' own port serves. */
  readonly scrapeRoutes: readonly Route[];
  readonly batches: Batches;
}

const loopbackNetworks = ['127.0.0.0/8', '::1/128'];
/** Prometheus asks every few seconds, people and scripts while they wait for something. */
const defaultScrapesPerSecond = 100;

/** Every route with what it needs, and the batches, which ask the same endpoints. */
export function createApi(deps: ApiDeps): Api {
  const { options, stores, metrics, events, keys, openAccount, gate } = deps;
  const { pool, queue, models, workers, works, fates, dispatcher } = deps;
  const generation = {
    dispatcher,
    models,
    modelTokens: (model: string) => ({
      contextTokens: models.factsOf(model)?.contextTokens,
      ...works.likelyTokens(model),
    }),
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
    keys,
    openAccount,
    slotsOf: (model) => {
      const ready = pool.snapshotsFor(model).filter(({ isReady }) => isReady);
      return ready.reduce((sum, { slotsTotal }) => sum + slotsTotal, 0);
    },
    hasWorkers: () => pool.modelIds().length > 0,
    events,
  });

  const scrapesPerSecond = options.scrapesPerSecond ?? defaultScrapesPerSecond;
  const scrapeRoutes = metricsRoutes({ metrics: metrics.registry, scrapesPerSecond });
  const routes: Route[] = [
    generationRoute(generation, chatCompletionsEndpoint, ['/chat/completions']),
    generationRoute(generation, completionsEndpoint, ['/completions']),
    generationRoute(generation, responsesEndpoint, ['/responses']),
    ...responsesRoutes({ ...generation, ...execution, store: stores.responses }),
    ...anthropicRoutes({ ...generation, ...execution }),
    executionRoute(gate.middleware, embed, ['/v1/embeddings', '/embeddings']),
    executionRoute(gate.middleware, createRerank(execution), rerankPaths),
    executionRoute(gate.middleware, createTokenize(execution), ['/tokenize', '/v1/tokenize'], 'logged'),
    executionRoute(gate.middleware, createDetokenize(execution), ['/detokenize', '/v1/detokenize'], 'logged'),
    ...modelsRoutes(models),
    ...operationsRoutes({
      pool,
      queue,
      scrapesPerSecond,
      version: options.version,
      isDraining: gate.isDraining,
      totals: events.totals,
    }),
    ...(options.metricsPort === undefined ? scrapeRoutes : []),
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
    ...adminKeysRoutes({ store: stores.keys, keys }),
    ...adminUsageRoutes({ usage: stores.usage }),
    ...internalNodesRoutes({
      pool,
      fates,
      events,
      resolveWorker: createResolveWorker(createNetworks(options.workerNetworks ?? loopbackNetworks)),
    }),
    ...documentationRoutes({
      version: options.version,
      models,
      isOpen: keys.isOpen,
    }),
  ];
  for (const { path, methods, isInternal, inferenceKind } of routes) {
    if (isInternal) continue;
    for (const method of Object.keys(methods)) {
      const isInference = method === 'POST' && inferenceKind === 'counted';
      initializeRoute(metrics, { method, path, isInference });
    }
  }

  return { routes, scrapeRoutes, batches };
}
