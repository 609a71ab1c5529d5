import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { planThreads, portsFrom, toArguments, type Settings } from '../../config/config.js';
import type { CommandName } from '../../config/setting.js';
import { loadCatalog } from '../../models/catalog.js';
import type { ResolvedModel } from '../../models/resolveModel.js';
import { createLogger } from '../../observability/logger.js';
import { toTracesUrl } from '../../observability/tracing/tracer.js';
import { isLoopbackHost } from '../../security/loopback.js';
import type { ChildSpec } from '../../supervisor/childProcess.js';
import { startCluster, type LocalCluster } from '../../supervisor/startCluster.js';
import { adminTokenVariable, readAdminToken } from '../adminToken.js';
import { askModelKinds } from '../askWorker.js';
import { readCertificate } from '../certificates.js';
import { clusterTokenVariable, readClusterToken } from '../clusterToken.js';
import { withControllerStore } from '../controllerStore.js';
import type { Environment } from '../environment.js';
import { requireFreePorts } from '../ports.js';
import { toReadyText } from '../readyText.js';
import { requireFolders } from '../requireFolders.js';
import { readModelIds, resolveModels } from '../resolveModels.js';
import { exitCodes, printLine } from '../terminal.js';
import { workerNames } from '../workerNames.js';

const program = fileURLToPath(new URL('../main.cjs', import.meta.url));

/** `ai-cluster up`: a controller and local workers as child processes, kept running until Ctrl-C or SIGTERM. */
export async function runUp(settings: Settings, environment: Environment): Promise<void> {
  const plan = planThreads({
    cores: availableParallelism(),
    workers: settings.workers,
    requested: settings.threads,
  });
  await requireFolders(settings, ['logDir', 'dataDir']);
  const clusterToken = readClusterToken(settings, environment);
  const adminToken = readAdminToken(settings, environment);
  // The controller reads it by itself; what is wrong with it is better said before a download.
  readCertificate(settings);
  await readModelIds(settings);
  await requireFreePorts([
    { flag: 'port', host: settings.host, ports: [settings.port] },
    {
      flag: 'worker-port',
      host: workerHostOf(settings),
      ports: portsFrom(settings.workerPort, settings.workers),
    },
    { flag: 'metrics-port', host: settings.host, ports: portsFrom(settings.metricsPort, 1) },
    {
      flag: 'metrics-port',
      host: workerHostOf(settings),
      ports: portsFrom(settings.metricsPort, settings.workers + 1).slice(1),
    },
  ]);
  const stopSignal = new AbortController();
  const onSignalBeforeStart = () => stopSignal.abort(new Error('stopped before it was ready'));
  process.once('SIGINT', onSignalBeforeStart).once('SIGTERM', onSignalBeforeStart);
  const models = await resolveModels(settings, { showProgress: true, signal: stopSignal.signal });

  const logger = createLogger({
    output: 'pretty',
    process: 'supervisor',
    logDir: settings.logDir,
    level: settings.logLevel,
    color: process.stdout.isTTY,
  });
  if (plan.warning !== undefined) logger.warn(plan.warning);
  stopSignal.signal.throwIfAborted();
  const { started, kill } = startCluster({
    ...childSpecs({ ...settings, threads: plan.threadsPerWorker }, { environment, clusterToken, adminToken }),
    drainTimeoutMs: settings.drainTimeoutSeconds * 1000,
    logger,
  });
  stopSignal.signal.addEventListener('abort', kill);

  let cluster: LocalCluster;
  try {
    cluster = await started;
  } catch (error) {
    stopSignal.signal.throwIfAborted();
    logger.error(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodes.failed;
    return;
  }
  process.off('SIGINT', onSignalBeforeStart).off('SIGTERM', onSignalBeforeStart);
  const stop = createStop(cluster, (message) => logger.info(message));
  process.on('SIGINT', stop).on('SIGTERM', stop);
  // A terminal that is closed sends it, too, and means the end.
  if (settings.tlsCert !== undefined && !process.stdout.isTTY) process.on('SIGHUP', () => cluster.reload());
  await printReady(cluster, models, settings, clusterToken);
}

/** A free port that was picked for them is in the log of the controller. */
function metricsUrlOf(controllerUrl: string, { metrics, metricsPort }: Settings): string | undefined {
  if (metrics === 'off' || metricsPort === 0) return undefined;
  const url = new URL('/metrics', controllerUrl);
  if (metricsPort !== undefined) url.port = String(metricsPort);
  return url.href;
}

function childSpecs(
  settings: Settings,
  given: { readonly environment: Environment; readonly clusterToken: string; readonly adminToken: string },
) {
  // The children get every setting as a flag; a variable that is meant for `up` must not reach them twice. Secrets
  // are no flags: everybody on the machine can read those.
  const inherited = Object.fromEntries(
    Object.entries(given.environment).filter(([name]) => !name.startsWith('AI_CLUSTER_')),
  );
  const childEnvironment = { ...inherited, [clusterTokenVariable]: given.clusterToken };
  const withoutFiles = { clusterTokenFile: undefined, adminTokenFile: undefined };
  const toSpec = (
    name: string,
    command: CommandName,
    own: Settings,
    secrets: Environment = {},
  ): ChildSpec => ({
    name,
    modulePath: program,
    args: [command, '--supervised', ...toArguments(command, { ...own, ...withoutFiles })],
    environment: { ...childEnvironment, ...secrets },
  });
  return {
    controller: (url?: string) =>
      toSpec(
        'controller',
        'controller',
        url === undefined ? settings : { ...settings, port: Number(new URL(url).port) },
        { [adminTokenVariable]: given.adminToken },
      ),
    workers: (controllerUrl: string) =>
      workerNames(settings.workers).map((nodeId, index) => {
        const workerPort = portBehind(settings.workerPort, index);
        const host = workerHostOf(settings);
        const controllerCa = settings.tlsCert;
        const metricsPort = portBehind(settings.metricsPort, index + 1);
        const own = { ...settings, host, nodeId, workerPort, metricsPort, controllerUrl, controllerCa };
        return toSpec(nodeId, 'worker', own);
      }),
  };
}

/** Local workers are for the controller alone, wherever that listens. */
function workerHostOf({ host }: Settings): string {
  return isLoopbackHost(host) ? host : '127.0.0.1';
}

/** Behind one that is to be free are others. */
function portBehind<Port extends number | undefined>(port: Port, places: number): Port | number {
  return port === undefined || port === 0 ? port : port + places;
}

/** The first signal stops in order; the second one kills. */
function createStop(cluster: LocalCluster, log: (message: string) => void): () => void {
  let isStopping = false;
  return () => {
    if (isStopping) {
      cluster.kill();
      process.exit(exitCodes.failed);
    }
    isStopping = true;
    log('stopping: running requests may finish; Ctrl-C again stops at once');
    void cluster.stop().then(() => {
      log('stopped');
      process.exitCode = exitCodes.ok;
      process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
    });
  };
}

async function printReady(
  { controllerUrl, workers }: LocalCluster,
  models: readonly ResolvedModel[],
  settings: Settings,
  clusterToken: string,
): Promise<void> {
  const kinds = await askModelKinds(workers[0]?.url ?? '', clusterToken);
  const { models: known } = await loadCatalog();
  const isMade = (id: string) => known.find(({ name }) => name === id)?.sources[0]?.type === 'generated';
  const text = toReadyText({
    controllerUrl,
    workers,
    models: models.map(({ id, origin }) => ({
      id,
      kind: kinds.get(id) ?? 'generation',
      isGenerated: origin !== 'path' && isMade(id),
    })),
    metricsUrl: metricsUrlOf(controllerUrl, settings),
    tracesUrl: settings.otlpEndpoint && toTracesUrl(settings.otlpEndpoint),
    hasKeys: withControllerStore(settings, ({ keys }) => keys.list().length > 0),
    logDir: settings.logDir,
  });
  printLine(text);
}
