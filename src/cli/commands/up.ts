import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { planThreads, toArguments, type Settings } from '../../config/config.js';
import type { CommandName } from '../../config/settings.js';
import type { ResolvedModel } from '../../models/resolveModel.js';
import { createLogger } from '../../observability/logger.js';
import type { ChildSpec } from '../../supervisor/childProcess.js';
import { startCluster, type LocalCluster } from '../../supervisor/startCluster.js';
import { requireFreePorts } from '../ports.js';
import { requireFolders } from '../requireFolders.js';
import { readModelIds, resolveModels } from '../resolveModels.js';
import { exitCodes, printLine } from '../terminal.js';
import { workerNames } from '../workerNames.js';

type Environment = Readonly<Record<string, string | undefined>>;

const program = fileURLToPath(new URL('../main.cjs', import.meta.url));

/** `ai-cluster up`: a controller and local workers as child processes, kept running until Ctrl-C or SIGTERM. */
export async function runUp(settings: Settings, environment: Environment): Promise<void> {
  const plan = planThreads({
    cores: availableParallelism(),
    workers: settings.workers,
    requested: settings.threads,
  });
  await requireFolders(settings, ['logDir', 'dataDir']);
  await readModelIds(settings);
  await requireFreePorts(settings.host, [
    { flag: 'port', ports: [settings.port] },
    {
      flag: 'worker-port',
      ports: workerNames(settings.workers).map((_, index) => workerPortOf(settings, index)),
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
    ...childSpecs({ ...settings, threads: plan.threadsPerWorker }, environment),
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
  printReady(cluster, models, settings);
}

function childSpecs(settings: Settings, environment: Environment) {
  // The children get every setting as a flag; a variable that is meant for `up` must not reach them twice.
  const inherited = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('AI_CLUSTER_')),
  );
  const toSpec = (name: string, command: CommandName, own: Settings): ChildSpec => ({
    name,
    modulePath: program,
    args: [command, '--supervised', ...toArguments(command, own)],
    environment: inherited,
  });
  return {
    controller: (url?: string) =>
      toSpec(
        'controller',
        'controller',
        url === undefined ? settings : { ...settings, port: Number(new URL(url).port) },
      ),
    workers: (controllerUrl: string) =>
      workerNames(settings.workers).map((nodeId, index) => {
        const workerPort = workerPortOf(settings, index);
        return toSpec(nodeId, 'worker', { ...settings, nodeId, workerPort, controllerUrl });
      }),
  };
}

function workerPortOf({ workerPort }: Settings, index: number): number {
  return workerPort === 0 ? 0 : workerPort + index;
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

function printReady(cluster: LocalCluster, models: readonly ResolvedModel[], settings: Settings): void {
  const first = models[0]?.id ?? '';
  const body = {
    model: first,
    temperature: 0,
    max_tokens: 64,
    messages: [{ role: 'user', content: 'What is the capital of France? Answer in one sentence.' }],
  };
  const gibberish = models.some(({ origin, id }) => origin === 'generated' || id === 'tiny');
  printLine();
  printLine('ai-cluster is ready.');
  printLine();
  printLine(`  Endpoint  ${cluster.controllerUrl}/v1`);
  printLine(`  Models    ${models.map(({ id }) => id).join(', ')}`);
  if (gibberish) printLine('            (tiny is a generated test model: it answers gibberish)');
  printLine(`  Workers   ${cluster.workers.map(({ name, url }) => `${name} ${url}`).join(', ')}`);
  printLine(`  Status    ${cluster.controllerUrl}/cluster/status`);
  printLine(`  Logs      ${settings.logDir}/combined.log, ${settings.logDir}/error.log`);
  printLine();
  printLine('  Ask it something:');
  printLine();
  printLine(`  curl ${cluster.controllerUrl}/v1/chat/completions -H 'Content-Type: application/json' \\`);
  printLine(`    -d '${JSON.stringify(body)}'; echo`);
  printLine();
  printLine('  Stop with Ctrl-C.');
  printLine();
}
