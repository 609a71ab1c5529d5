import { hostname } from 'node:os';
import { startHeartbeatMonitor } from '../cluster/heartbeatMonitor.js';
import { PoisonLedger } from '../cluster/poisonLedger.js';
import { createAdmissionQueue } from '../cluster/queue/admissionQueue.js';
import { RetryBudget } from '../cluster/retryBudget.js';
import { WorkerFates } from '../cluster/workerFates.js';
import { WorkerPool } from '../cluster/workerPool.js';
import { createControllerEvents } from '../observability/events.js';
import { onLogLine } from '../observability/logger.js';
import { createControllerMetrics, initializeRoute } from '../observability/metrics/controllerMetrics.js';
import { startTracer } from '../observability/tracing/tracer.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import { localOriginOf } from '../protocol/origin.js';
import { policies } from '../routing/policies.js';
import { isLoopbackHost } from '../security/loopback.js';
import { createNetworks } from '../security/networks.js';
import { openStores } from '../stores/openStores.js';
import { createApp, type AppDeps } from './app.js';
import { toBatchEndpoint, type BatchEndpoint } from './batches/executeLine.js';
import { createBatches } from './batches/createBatches.js';
import { readClusterView } from './clusterView.js';
import type { ControllerOptions } from './controllerOptions.js';
import { createAskReadyWorker } from './askReadyWorker.js';
import { createDispatcher } from './dispatch.js';
import {
  closeNow,
  createHttpServer,
  defaultConnectionLimits,
  listen,
  type TlsCertificate,
} from './httpServer.js';
import { startScrapeTargets } from './scrapeTargets.js';
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
import { metricsRoutes } from './routes/metrics.js';
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
  /** Where Prometheus reads it. */
  readonly metricsUrl: string;
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
    ...options.metrics,
    facts: { version: options.version, configHash: options.configHash },
    readCluster: () =>
      readClusterView({
        pool,
        queue,
        models: options.models,
        servedModels: models.ids(),
        connectionsTo: workers.connectionCounts(),
        retryBudget: budget.remainingRatio(now()),
      }),
    readServer: () => server.gauges(),
  });
  onLogLine(options.logger, ({ level }) => metrics.logEvents.inc({ level }));
  const { otlpEndpoint, version, logger } = options;
  const tracer = otlpEndpoint ? await startTracer({ endpoint: otlpEndpoint, version, logger }) : undefined;
  const events = createControllerEvents({ logger, metrics, tracer });
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
    events,
  });
  const { clusterToken } = options;
  const workers = createWorkerClient({
    clusterToken,
    silenceTimeoutMs: options.workerSilenceMs,
    onConnected: (origin, ms) => {
      const nodeId = pool.nodeAt(origin);
      if (nodeId !== undefined) events.nodeConnected({ nodeId, ms });
    },
  });
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

  const appDeps: AppDeps = {
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
  };
  const limits = { ...defaultConnectionLimits, ...options.connectionLimits };
  const server = createHttpServer(createApp(appDeps), limits, events, options.tls);
  const port = await listen(server, options.port, options.host);
  const scrapeApp = createApp({ ...appDeps, routes: scrapeRoutes });
  const scrapeServer =
    options.metricsPort === undefined ? undefined : createHttpServer(scrapeApp, limits, events, options.tls);
  const scrapePort = scrapeServer ? await listen(scrapeServer, options.metricsPort ?? 0, options.host) : port;
  const monitor = startHeartbeatMonitor(pool);
  const probeTimings = { ...defaultProbeTimings, ...options.probeTimings };
  const probes = startWorkerProbes(pool, probeTimings, createHttpProbe(clusterToken), events);
  const scheme = options.tls ? 'https' : 'http';
  const targets = options.scrapeTargetsDir
    ? startScrapeTargets(pool, {
        folder: options.scrapeTargetsDir,
        controller: localOriginOf(scheme, options.host, scrapePort),
        events,
      })
    : undefined;
  batches.resume();
  const url = localOriginOf(scheme, options.host, port);
  options.logger.info('controller ready', { url });
  if (keys.isOpen()) options.logger.info(openHint, { url });

  return {
    url,
    metricsUrl: `${localOriginOf(scheme, options.host, scrapePort)}/metrics`,
    workerKilled: (nodeId, pid) => {
      const instanceId = pool.instanceOf(nodeId, pid);
      if (instanceId === undefined) return;
      fates.killed(instanceId);
      poisonLedger.absolve(instanceId);
    },
    setCertificate: (tls) => {
      for (const one of [server, scrapeServer]) one?.setSecureContext?.(tls);
    },
    close: async () => {
      events.draining(gate.activeRequests());
      await Promise.all([gate.drain(options.drainTimeoutMs), batches.close()]);
      monitor.close();
      targets?.close();
      const servers = [server, ...(scrapeServer ? [scrapeServer] : [])];
      await Promise.all([...servers.map(closeNow), workers.close(), probes.close()]);
      await tracer?.close();
      keys.close();
      stores.close();
    },
  };
}
