import { hostname } from 'node:os';
import { startHeartbeatMonitor } from '../cluster/heartbeatMonitor.js';
import { PoisonLedger } from '../cluster/poisonLedger.js';
import { createAdmissionQueue } from '../cluster/queue/admissionQueue.js';
import { RetryBudget } from '../cluster/retryBudget.js';
import { WorkerFates } from '../cluster/workerFates.js';
import { WorkerPool } from '../cluster/workerPool.js';
import { createControllerEvents } from '../observability/events.js';
import { onLogLine } from '../observability/logger.js';
import { createControllerMetrics } from '../observability/metrics/controllerMetrics.js';
import { startTracer } from '../observability/tracing/tracer.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import { policies } from '../routing/policies.js';
import { isLoopbackHost } from '../security/loopback.js';
import { openStores } from '../stores/openStores.js';
import { createApp, type AppDeps } from './app.js';
import { readClusterView } from './clusterView.js';
import type { ControllerOptions } from './controllerOptions.js';
import { createApi } from './createApi.js';
import { createDispatcher } from './dispatch.js';
import type { TlsCertificate } from './httpServer.js';
import { startScrapeTargets } from './scrapeTargets.js';
import { createSuspicions } from './recovery/suspicions.js';
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
import { createRequestWorks } from './requestWork.js';
import { startServers } from './startServers.js';
import { createHttpProbe, defaultProbeTimings, startWorkerProbes } from './upstream/probeWorkers.js';
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

const defaultQueuePromptBytes = 64_000_000;
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
    readServer: () => servers.gauges(),
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

  const { routes, scrapeRoutes, batches } = createApi({
    ...{ options, stores, metrics, events, keys, openAccount, gate },
    ...{ pool, queue, models, workers, works, fates, dispatcher },
  });
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
  const servers = await startServers({
    app: createApp(appDeps),
    scrapeApp: () => createApp({ ...appDeps, routes: scrapeRoutes }),
    options,
    events,
  });
  const monitor = startHeartbeatMonitor(pool);
  const probeTimings = { ...defaultProbeTimings, ...options.probeTimings };
  const probes = startWorkerProbes(pool, probeTimings, createHttpProbe(clusterToken), events);
  const targets = options.scrapeTargetsDir
    ? startScrapeTargets(pool, {
        folder: options.scrapeTargetsDir,
        controller: servers.metricsUrl,
        events,
      })
    : undefined;
  batches.resume();
  const { url } = servers;
  options.logger.info('controller ready', { url });
  if (keys.isOpen()) options.logger.info(openHint, { url });

  return {
    url,
    metricsUrl: `${servers.metricsUrl}/metrics`,
    workerKilled: (nodeId, pid) => {
      const instanceId = pool.instanceOf(nodeId, pid);
      if (instanceId === undefined) return;
      fates.killed(instanceId);
      poisonLedger.absolve(instanceId);
    },
    setCertificate: servers.setCertificate,
    close: async () => {
      events.draining(gate.activeRequests());
      await Promise.all([gate.drain(options.drainTimeoutMs), batches.close()]);
      // While the workers still hear from this controller: a collector may take its time.
      await tracer?.close();
      monitor.close();
      targets?.close();
      await Promise.all([servers.close(), workers.close(), probes.close()]);
      keys.close();
      stores.close();
    },
  };
}
