import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startController } from '../../src/controller/startController.js';
import { createLogger } from '../../src/observability/logger.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import type { RoutingPolicyName } from '../../src/protocol/routing.js';
import { startServerProcess } from '../support/serverProcess.js';
import { testAdminToken } from '../../tests/support/adminToken.js';
import { testClusterToken } from '../../tests/support/clusterToken.js';

const mainFile = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));
const pollMs = 100;

export interface RealCluster {
  readonly url: string;
  close(): Promise<void>;
}

/** A controller here and workers of one thread each in processes of their own, with empty caches. */
export async function startRealCluster(options: {
  readonly routing: RoutingPolicyName;
  readonly workers: number;
  readonly slots: number;
  readonly modelPath: string;
  readonly folder: string;
}): Promise<RealCluster> {
  const { routing, workers, slots, modelPath, folder } = options;
  const nodeIds = Array.from({ length: workers }, (_, index) => `worker_${index + 1}`);
  const logger = createLogger({ output: 'json', process: 'controller' });
  logger.silent = true;
  const controller = await startController({
    host: '127.0.0.1',
    port: 0,
    models: [],
    nodeIds,
    routing,
    queueLimit: 512,
    queueTimeoutMs: 600_000,
    drainTimeoutMs: 0,
    dataDir: path.join(folder, 'controller'),
    clusterToken: testClusterToken,
    adminToken: testAdminToken,
    version: 'bench',
    logger,
  });
  const servers = await Promise.all(
    nodeIds.map((nodeId) =>
      startServerProcess({
        name: nodeId,
        file: process.execPath,
        toArgs: (port) => [
          ...[mainFile, 'worker', '--node-id', nodeId, '--controller', controller.url, '--gpu', 'off'],
          ...['--host', '127.0.0.1', '--worker-port', `${port}`, '--model', modelPath, '--threads', '1'],
          ...['--slots', `${slots}`, '--context', '4096', '--log-dir', path.join(folder, `${nodeId}-logs`)],
          ...['--data-dir', path.join(folder, `${nodeId}-data`)],
        ],
        healthPath: '/health',
        folder,
      }),
    ),
  );
  const readStatus = async () =>
    ClusterStatus.parse(await (await fetch(`${controller.url}/cluster/status`)).json());
  while ((await readStatus()).nodes.some(({ state }) => state !== 'ready')) await delay(pollMs);
  return {
    url: controller.url,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
      await controller.close();
    },
  };
}

/** The name under which the cluster serves its model. */
export async function readModel({ url }: RealCluster): Promise<string> {
  const [node] = ClusterStatus.parse(await (await fetch(`${url}/cluster/status`)).json()).nodes;
  return node?.models[0] ?? '';
}
