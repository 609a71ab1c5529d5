import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { findFreePort } from '../../tests/support/freePort.js';
import { readTail, startProcess } from './childProcess.js';
import { waitUntil } from './waitUntil.js';

const mainFile = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));

/** The whole program with real workers on the default model, as `up` runs it. */
export interface RealCluster {
  readonly url: string;
  /** Of a worker that is there now. */
  pidOf(nodeId: string): Promise<number>;
  whenHealthy(count: number): Promise<number>;
  close(): Promise<void>;
}

export const realModel = 'smollm2-135m-instruct';

export async function startRealCluster(workers: number, slots: number): Promise<RealCluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-chaos-'));
  const logFile = path.join(folder, 'up.log');
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const up = startProcess({
    file: process.execPath,
    args: [
      ...[mainFile, 'up', '--port', `${port}`, '--worker-port', '0', '--workers', `${workers}`],
      ...['--slots', `${slots}`, '--threads', '1', '--context', '512', '--gpu', 'off'],
      ...['--data-dir', path.join(folder, 'data'), '--log-dir', path.join(folder, 'logs')],
    ],
    logFile,
  });
  const status = async () => ClusterStatus.parse(await (await fetch(`${url}/cluster/status`)).json());
  const whenHealthy = (count: number) =>
    waitUntil(
      `${count} healthy workers`,
      () =>
        status().then(
          ({ nodes }) => nodes.filter((node) => node.status === 'healthy').length === count,
          () => false,
        ),
      120_000,
    );
  const close = async () => {
    up.kill('SIGTERM');
    await up.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await whenHealthy(workers);
  } catch (error) {
    const tail = readTail(logFile);
    await close();
    throw new Error(`the cluster did not start:\n${tail}`, { cause: error });
  }
  return {
    url,
    pidOf: async (nodeId) => {
      const pid = (await status()).nodes.find(({ id }) => id === nodeId)?.pid;
      if (!pid) throw new Error(`${nodeId} has no process`);
      return pid;
    },
    whenHealthy,
    close,
  };
}
