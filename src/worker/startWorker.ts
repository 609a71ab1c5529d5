import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { onLogLine, type Logger } from '../observability/logger.js';
import type { MetricsOptions } from '../observability/metrics/metricsRegistry.js';
import { createWorkerMetrics, type ModelLoad } from '../observability/metrics/workerMetrics.js';
import { localOriginOf } from '../protocol/origin.js';
import type { NodeReport } from '../protocol/workerApi.js';
import { createScrapeApp, createWorkerApp } from './app.js';
import { queryNvidiaGpus, startGpuSampler } from './gpuSampler.js';
import { createCountCalls } from './routes/countCalls.js';
import { readMachineLoad } from './machineLoad.js';
import { closeServer, goodbyeMs } from './closeServer.js';
import { startControllerLink, type ControllerLink } from './joinController.js';
import {
  startLlamaRuntime,
  type LlamaRuntime,
  type LoadedModel,
  type LoadOptions,
} from './engine/llamaRuntime.js';
import { openPrefixStore, type PrefixStore, type PrefixStoreOptions } from './scheduler/prefixStore.js';
import { createWorkerModel, type WorkerModel } from './workerModel.js';

export interface WorkerOptions {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: the worker runs by itself and joins nobody. */
  readonly controllerUrl: string | undefined;
  /** The certificates that an https controller is known by, in PEM; undefined: those that Node.js trusts. */
  readonly readControllerCa?: (() => string) | undefined;
  readonly advertiseUrl: string | undefined;
  /** Of the controller, which it joins with and is called with. */
  readonly clusterToken: string;
  readonly models: readonly { readonly id: string; readonly path: string }[];
  readonly slots: number;
  readonly contextTokens: number;
  readonly threads: number;
  readonly gpu: 'auto' | 'off';
  readonly gpuLayers: number | undefined;
  /** Where evicted prefixes are kept until the worker stops; undefined: they are lost. */
  readonly prefixCache: PrefixStoreOptions | undefined;
  readonly drainTimeoutMs: number;
  readonly metrics?: MetricsOptions;
  /** An own port for them; without it they are where everything is. */
  readonly metricsPort?: number | undefined;
  readonly version: string;
  readonly logger: Logger;
}

export interface RunningWorker {
  readonly url: string;
  /** Refuses new work, lets the running generations end (up to the drain time), then closes everything. */
  close(): Promise<void>;
}

/**
 * Listens, joins the controller as `loading`, loads the models, and is `ready`.
 *
 * @throws where the port is taken or a model cannot be loaded.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { logger } = options;
  const models = new Map<string, WorkerModel>();
  let phase: NodeReport['phase'] = 'loading';

  const readModels = () => [...models.values()].map((model) => model.report());
  const whenIdle = () => Promise.all([...models.values()].map((model) => model.whenIdle()));
  const machine = { cpuCores: cpus().length, memoryBytes: totalmem() };
  const report = (): NodeReport => ({
    phase,
    uptimeSeconds: process.uptime(),
    machine,
    models: readModels(),
  });
  const gpus = startGpuSampler(options.gpu === 'off' ? undefined : queryNvidiaGpus);
  const metrics = createWorkerMetrics({
    ...options.metrics,
    facts: { version: options.version },
    readModels: () => [...models.values()].map((model) => toModelLoad(model, phase)),
    readMachine: readMachineLoad,
    readGpus: gpus.read,
  });
  onLogLine(logger, ({ level }) => metrics.logEvents.inc({ level }));
  const appDeps = {
    nodeId: options.nodeId,
    clusterToken: options.clusterToken,
    metrics,
    countCalls: createCountCalls(metrics.wrap),
    logger,
    modelOf: (id: string) => models.get(id),
    report,
  };
  const hasOwnPort = options.metricsPort !== undefined;
  const server = createServer(serverOptions, createWorkerApp({ ...appDeps, tellsMetrics: !hasOwnPort }));
  const url = await listen(server, options.port, options.host);
  const scrapeServer = hasOwnPort ? createServer(serverOptions, createScrapeApp(appDeps)) : undefined;
  const metricsUrl = scrapeServer
    ? await listen(scrapeServer, options.metricsPort ?? 0, options.host)
    : undefined;
  const link: ControllerLink | undefined =
    options.controllerUrl === undefined
      ? undefined
      : startControllerLink({
          controllerUrl: options.controllerUrl,
          clusterToken: options.clusterToken,
          readCa: options.readControllerCa,
          identity: {
            nodeId: options.nodeId,
            instanceId: randomUUID(),
            url: options.advertiseUrl ?? url,
            metricsUrl: metricsUrl && toAdvertised(metricsUrl, options.advertiseUrl),
            pid: process.pid,
            version: options.version,
          },
          report,
          heldPrefixes: (id) => {
            const model = models.get(id);
            return model?.kind === 'generation' ? model.scheduler.heldPrefixes() : undefined;
          },
          logger,
        });
  let runtime: LlamaRuntime | undefined;
  let prefixStore: PrefixStore | undefined;

  async function closeAll(): Promise<void> {
    gpus.close();
    await Promise.all([closeServer(server), ...(scrapeServer ? [closeServer(scrapeServer)] : [])]);
    await link?.close();
    await whenIdle();
    await Promise.all([...models.values()].map((model) => model.dispose()));
    await runtime?.dispose();
    await prefixStore?.close();
  }

  try {
    if (options.prefixCache) prefixStore = await openPrefixStore(options.prefixCache);
    runtime = await startLlamaRuntime({
      threads: options.threads,
      gpu: options.gpu,
      onLog: (level, message) => logger[level]('llama.cpp', { text: message }),
    });
    for (const model of options.models) {
      logger.info('loading model', { model: model.id });
      const loaded = await loadModel(runtime, {
        modelId: model.id,
        modelPath: model.path,
        slots: options.slots,
        contextTokens: options.contextTokens,
        threads: options.threads,
        gpuLayers: options.gpuLayers,
        onProgress: createLoadLog(logger, model.id),
      });
      const workerModel = await createWorkerModel(loaded, { slots: options.slots, prefixStore });
      if (workerModel.warning !== undefined) logger.warn(workerModel.warning, { model: model.id });
      models.set(model.id, workerModel);
      const loadSeconds = Number(loaded.engine.loadSeconds.toFixed(2));
      logger.info('model loaded', { model: model.id, kind: loaded.kind, loadSeconds });
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  phase = 'ready';
  await link?.announce();
  logger.info('worker ready', { url, threads: options.threads, slots: options.slots });

  return {
    url,
    close: async () => {
      phase = 'draining';
      const announced = link?.announce();
      const timer = new AbortController();
      await Promise.race([
        whenIdle(),
        delay(options.drainTimeoutMs, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
      // Whose connection ends now is not held against a worker that said that it leaves.
      await Promise.race([announced, delay(goodbyeMs)]);
      for (const model of models.values()) if (model.kind === 'generation') model.scheduler.dismiss();
      await closeAll();
    },
  };
}

/** @returns the origin by which programs on this machine reach it. */
async function listen(server: Server, port: number, host: string): Promise<string> {
  server.maxConnections = maxConnections;
  server.listen(port, host);
  await once(server, 'listening');
  return localOriginOf('http', host, (server.address() as AddressInfo).port);
}

/** The metrics are on the machine that the worker says to be on. */
function toAdvertised(metricsUrl: string, advertiseUrl: string | undefined): string {
  if (advertiseUrl === undefined) return metricsUrl;
  const url = new URL(advertiseUrl);
  url.port = new URL(metricsUrl).port;
  return url.origin;
}

function toModelLoad(model: WorkerModel, phase: NodeReport['phase']): ModelLoad {
  const steps = model.kind === 'generation' ? model.scheduler.steps() : undefined;
  return { ...model.report(), isServing: phase === 'ready', steps };
}

const serverOptions = {
  keepAliveTimeout: 90_000,
  requestTimeout: 0,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 500,
};
/** One controller has as many as its requests need, and others have none to keep. */
const maxConnections = 1_024;

/** As the runtime does it, with the file named in what it throws. */
async function loadModel(runtime: LlamaRuntime, options: LoadOptions): Promise<LoadedModel> {
  try {
    return await runtime.loadModel(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the model file ${options.modelPath} could not be loaded: ${reason}`, { cause });
  }
}

const loadLogIntervalMs = 2_000;

/** A line every two seconds while a large model is read. */
function createLoadLog(logger: Logger, model: string): (fraction: number) => void {
  let loggedAt = performance.now();
  return (fraction) => {
    const now = performance.now();
    if (now - loggedAt < loadLogIntervalMs) return;
    loggedAt = now;
    logger.info('loading model', { model, percent: Math.round(fraction * 100) });
  };
}
