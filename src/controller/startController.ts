import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { startHeartbeatMonitor } from '../cluster/heartbeatMonitor.js';
import { PoisonLedger } from '../cluster/poisonLedger.js';
import { createAdmissionQueue } from '../cluster/queue/admissionQueue.js';
import { RetryBudget } from '../cluster/retryBudget.js';
import { WorkerFates } from '../cluster/workerFates.js';
import { WorkerPool } from '../cluster/workerPool.js';
import { createControllerEvents } from '../observability/events.js';
import { createControllerMetrics, initializeRoute } from '../observability/metrics.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import { localOriginOf } from '../protocol/origin.js';
import { policies } from '../routing/policies.js';
import { isLoopbackHost } from '../security/loopback.js';
import { createNetworks } from '../security/networks.js';
import { openStores } from '../stores/openStores.js';
import { createApp } from './app.js';
import { toBatchEndpoint, type BatchEndpoint } from './batches/executeLine.js';
import { createBatches } from './batches/createBatches.js';
import { readClusterView } from './clusterView.js';
import type { ControllerOptions } from './controllerOptions.js';
import { createAskReadyWorker } from './askReadyWorker.js';
import { createDispatcher } from './dispatch.js';
import { createHttpServer, defaultConnectionLimits, type TlsCertificate } from './httpServer.js';
import { createSuspicions } from './recovery/suspicions.js';
import { chatCompletionsEndpoint } from './endpoints/chatCompletions.js';
import { completionsEndpoint } from './endpoints/completions.js';
import { createResponsesEndpoint } from './endpoints/responses.js';
import { documentationRoutes } from './routes/documentation.js';
import { anthropicRoutes } from './routes/anthropicMessages.js';
import { createEmbeddings } from './endpoints/embeddings.js';
import { createRerank, rerankPaths } from './endpoints/rerank.js';
import { createDetokenize, createTokenize } from './endpoints/tokenization.js';
import { startKeyRing } from './keys/keyRing.js';
import { createAccounts } from './limits/accounts.js';
import { KeyUses } from './limits/keyUses.js';
import { createAuthenticate } from './middleware/authenticate.js';
import { createBeginInference } from './middleware/beginInference.js';
import { createDrainGate } from './middleware/drainGate.js';
import { createLimitRequests } from './middleware/limitRequests.js';
import { createRequireOperator } from './middleware/requireOperator.js';
import { createRequireSecret } from './middleware/requireSecret.js';
import { measureDecisions } from './measureDecisions.js';
import { createModelRegistry } from './modelRegistry.js';
import { adminKeysRoutes } from './routes/adminKeys.js';
import { adminUsageRoutes } from './routes/adminUsage.js';
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
import { defaultStreamTimings } from './respond.js';
import { createHttpProbe, defaultProbeTimings, startWorkerProbes } from './upstream/probeWorkers.js';
import { createResolveWorker } from './upstream/resolveWorker.js';
import { createWorkerClient } from './upstream/workerClient.js';

export interface RunningController {
  /** Where programs on this machine reach it. */
  readonly url: string;
  /** Shows another certificate from the next connection on; those that are open go on. Only where it has one. */
  setCertificate(tls: TlsCertificate): void;
  /** Its supervisor says that the worker's process was killed from outside: no request is to blame. */
  workerKilled(nodeId: string, pid: number): void;
  /** Refuses new work, lets the running requests end (up to the drain time), then closes everything. */
  close(): Promise<void>;
}

const loopbackNetworks = ['127.0.0.0/8', '::1/128'];
const defaultQueuePromptBytes = 64_000_000;
/** Prometheus asks every few seconds, people and scripts while they wait for something. */
const defaultScrapesPerSecond = 100;
const defaultRequestTimeoutMs = 3_600_000;

const openHint =
  'the endpoint is open: every program on this machine may use it, until a key is made (ai-cluster keys create <name>)';

/**
 * Builds the controller and listens.
 *
 * @throws Error where the port is taken, or where other machines could reach it and there are no API keys.
 */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const now = () => performance.now();
  const stores = openStores(options.dataDir);
  const budget = new RetryBudget();
  const fates = new WorkerFates();
  const poisonLedger = new PoisonLedger();
  const metrics = createControllerMetrics({
    models: options.models,
    nodeIds: options.nodeIds,
    keyIds: [anonymousPrincipal.keyId],
    readCluster: () => readClusterView({ pool, queue, models: options.models, servedModels: models.ids() }),
    readRetryBudget: () => budget.remainingRatio(now()),
  });
  const events = createControllerEvents({ logger: options.logger, metrics });
  const keys = startKeyRing({ store: stores.keys, events });
  if (keys.isOpen() && !isLoopbackHost(options.host)) {
    keys.close();
    stores.close();
    throw new Error(
      `whoever reaches ${options.host} could use the endpoint, because there are no API keys; make one with: ai-cluster keys create <name> (and the --data-dir of this controller)`,
    );
  }
  const uses = new KeyUses();
  const openAccount = createAccounts({ usage: stores.usage, uses, events, now });
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
  const { clusterToken } = options;
  const workers = createWorkerClient({ clusterToken, silenceTimeoutMs: options.workerSilenceMs });
  const works = createRequestWorks(options.cacheSharing ?? 'keys');
  const dispatcher = createDispatcher({
    queue,
    pool,
    workers,
    fates,
    budget,
    suspicionsOf: createSuspicions({ fates, ledger: poisonLedger, events, now }),
    works,
    events,
    now,
    queueTimeoutMs: options.queueTimeoutMs,
  });

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
      registry: metrics.registry,
      scrapesPerSecond: options.scrapesPerSecond ?? defaultScrapesPerSecond,
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
    ...adminKeysRoutes({ store: stores.keys, keys }),
    ...adminUsageRoutes({ usage: stores.usage }),
    ...internalNodesRoutes({
      pool,
      fates,
      resolveWorker: createResolveWorker(createNetworks(options.workerNetworks ?? loopbackNetworks)),
    }),
    ...documentationRoutes({
      version: options.version,
      models,
      isOpen: keys.isOpen,
    }),
  ];
  for (const { path, methods, isInternal } of routes) {
    for (const method of Object.keys(methods)) if (!isInternal) initializeRoute(metrics, method, path);
  }

  const app = createApp({
    events,
    routes,
    guards: {
      key: [
        createAuthenticate({ keys, events }),
        createBeginInference(openAccount),
        ...createLimitRequests({ uses, findKey: (id) => keys.find(id)?.key, events, now }),
      ],
      admin: createRequireSecret(options.adminToken, 'invalid_admin_token'),
      operator: createRequireOperator(options.adminToken),
      cluster: createRequireSecret(clusterToken, 'cluster_token_invalid'),
    },
    hosts: [hostname(), ...(options.allowedHosts ?? [])],
    allowedOrigins: options.allowedOrigins ?? [],
    requestTimeoutMs: options.requestTimeoutMs ?? defaultRequestTimeoutMs,
  });
  const limits = { ...defaultConnectionLimits, ...options.connectionLimits };
  const server = createHttpServer(app, limits, events, options.tls);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const monitor = startHeartbeatMonitor(pool);
  const probeTimings = { ...defaultProbeTimings, ...options.probeTimings };
  const probes = startWorkerProbes(pool, probeTimings, createHttpProbe(clusterToken));
  batches.resume();
  const url = localOriginOf(options.tls ? 'https' : 'http', options.host, port);
  options.logger.info('controller ready', { url });
  if (keys.isOpen()) options.logger.info(openHint, { url });

  return {
    url,
    workerKilled: (nodeId, pid) => {
      const instanceId = pool.instanceOf(nodeId, pid);
      if (instanceId === undefined) return;
      fates.killed(instanceId);
      poisonLedger.absolve(instanceId);
    },
    setCertificate: (tls) => server.setSecureContext?.(tls),
    close: async () => {
      events.draining(gate.activeRequests());
      await Promise.all([gate.drain(options.drainTimeoutMs), batches.close()]);
      monitor.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, workers.close(), probes.close()]);
      keys.close();
      stores.close();
    },
  };
}
