import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { defaultKeySettings, type ApiKeySettings } from '../../src/protocol/apiKeys.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import type { NewKey } from '../../src/stores/keyStore.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { findFreePort } from '../../tests/support/freePort.js';
import { readTail, startProcess, type RunningProcess } from './childProcess.js';
import { waitUntil } from './waitUntil.js';

const mainFile = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));
const workerFile = fileURLToPath(new URL('./fakeWorkerProcess.js', import.meta.url));

const FakeHealth = z.object({ slotsBusy: z.number() });

export interface ChaosClusterOptions {
  readonly workers: number;
  readonly slots?: number;
  readonly controllerArgs?: readonly string[];
  readonly workerArgs?: (index: number) => readonly string[];
  /** Puts something between controller and worker; the URL that the worker gives for its own. */
  readonly advertise?: (index: number, port: number) => Promise<string>;
  readonly logDir?: string;
  /** The file descriptors that the controller may have. */
  readonly descriptors?: number;
  /** API keys that there are before the controller starts. */
  readonly keys?: readonly Partial<ApiKeySettings>[];
}

/** A controller as users run it and fake workers, each a process, on fixed ports, so that they can come back. */
export interface ChaosCluster {
  readonly url: string;
  readonly folder: string;
  /** In the order of the options. */
  readonly keys: readonly NewKey[];
  controller(): RunningProcess;
  worker(index: number): RunningProcess;
  /** Starts a process that ended again, at its old place. */
  startController(): void;
  startWorker(index: number): void;
  status(): Promise<ClusterStatus>;
  /** Resolves when so many workers are healthy. */
  whenHealthy(count: number, timeoutMs?: number): Promise<number>;
  /** Resolves when the controller knows the newest process of a worker, be it left out for what it did before. */
  whenJoined(index: number): Promise<number>;
  /** As the worker itself says. */
  busySlotsOf(index: number): Promise<number>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export async function startChaosCluster(options: ChaosClusterOptions): Promise<ChaosCluster> {
  const { workers: count, slots = 32, controllerArgs = [] } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-chaos-'));
  const controllerLog = path.join(folder, 'controller.log');
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const places: { readonly port: number; readonly advertised: string | undefined }[] = [];
  for (let index = 0; index < count; index++) {
    const workerPort = await findFreePort();
    places.push({ port: workerPort, advertised: await options.advertise?.(index, workerPort) });
  }

  const keys = makeKeys(path.join(folder, 'data'), options.keys ?? []);

  let controller: RunningProcess;
  const workers: RunningProcess[] = [];

  function startController(): void {
    const args = [
      ...[mainFile, 'controller', '--port', `${port}`, '--workers', `${count}`],
      ...['--data-dir', path.join(folder, 'data'), '--log-dir', options.logDir ?? path.join(folder, 'logs')],
      ...controllerArgs,
    ];
    const command = { file: process.execPath, args, logFile: controllerLog };
    const limit = options.descriptors;
    controller = startProcess(
      limit === undefined
        ? command
        : { ...command, file: 'prlimit', args: [`--nofile=${limit}:${limit}`, process.execPath, ...args] },
    );
  }

  function startWorker(index: number): void {
    const place = places[index];
    if (!place) throw new Error(`there is no worker ${index}`);
    workers[index] = startProcess({
      file: process.execPath,
      args: [
        ...[workerFile, '--node-id', `worker_${index + 1}`, '--port', `${place.port}`],
        ...['--controller', url, '--slots', `${slots}`],
        ...(place.advertised === undefined ? [] : ['--advertise-url', place.advertised]),
        ...(options.workerArgs?.(index) ?? []),
      ],
      logFile: path.join(folder, `worker_${index + 1}.log`),
    });
  }

  const status = async () => ClusterStatus.parse(await (await fetch(`${url}/cluster/status`)).json());
  const whenHealthy = (healthy: number, timeoutMs?: number) =>
    waitUntil(
      `${healthy} healthy workers`,
      async () => {
        try {
          return (await status()).nodes.filter((node) => node.status === 'healthy').length === healthy;
        } catch {
          return false;
        }
      },
      timeoutMs,
    );

  const whenJoined = (index: number) =>
    waitUntil(`worker ${index + 1} has joined`, async () => {
      const { nodes } = await status();
      return nodes.some(({ pid, state }) => pid === workers[index]?.pid && state === 'ready');
    });

  async function close(): Promise<void> {
    const all = [controller, ...workers];
    // One that is stopped takes no other signal.
    for (const running of all) running.kill('SIGKILL');
    await Promise.all(all.map(({ exited }) => exited));
    if (process.env['CHAOS_KEEP'] === undefined) rmSync(folder, { recursive: true, force: true });
  }

  startController();
  for (let index = 0; index < count; index++) startWorker(index);
  try {
    await whenHealthy(count);
  } catch (error) {
    const tail = readTail(controllerLog);
    await close();
    throw new Error(`the cluster did not start:\n${tail}`, { cause: error });
  }
  return {
    url,
    folder,
    keys,
    controller: () => controller,
    worker: (index) => {
      const worker = workers[index];
      if (!worker) throw new Error(`there is no worker ${index}`);
      return worker;
    },
    startController,
    startWorker,
    status,
    whenHealthy,
    whenJoined,
    busySlotsOf: async (index) => {
      const answer = await fetch(`http://127.0.0.1:${places[index]?.port}/health`);
      return FakeHealth.parse(await answer.json()).slotsBusy;
    },
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    close,
  };
}

function makeKeys(dataDir: string, settings: readonly Partial<ApiKeySettings>[]): NewKey[] {
  if (settings.length === 0) return [];
  const { keys, close } = openSharedStores(path.join(dataDir, 'controller'));
  const made = settings.map((own, index) =>
    keys.create({ ...defaultKeySettings, name: `key ${index + 1}`, ...own }),
  );
  close();
  return made;
}
