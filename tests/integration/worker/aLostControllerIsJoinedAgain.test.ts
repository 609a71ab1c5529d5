import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { NodeReport } from '../../../src/protocol/workerApi.js';
import { startControllerLink } from '../../../src/worker/joinController.js';
import { testClusterToken } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { captureLog } from '../../support/testCluster.js';

/** Takes whoever comes. */
async function startController(port = 0): Promise<{ url: string; port: number; stop(): Promise<void> }> {
  const server: Server = createServer((req, res) => void req.resume().once('end', () => res.end('{}')));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(() => (server.listening ? stop() : undefined));
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, stop };
}

async function joinAs(controllerUrl: string, report: () => NodeReport) {
  const log = captureLog();
  const link = startControllerLink({
    controllerUrl,
    clusterToken: testClusterToken,
    identity: {
      nodeId: 'worker_1',
      instanceId: 'one',
      url: 'http://127.0.0.1:9',
      pid: 1,
      version: '0.0.0',
    },
    report,
    logger: log.logger,
  });
  onTestFinished(() => link.close());
  const said = () => log.entries().map(({ level, message }) => `${String(level)}: ${String(message)}`);
  await eventually(() => expect(said()).toEqual(['info: joined the controller']));
  return { link, said };
}

it('and is worth a warning when it is still away a moment later', async () => {
  const controller = await startController();
  const { link, said } = await joinAs(controller.url, () => ({
    phase: 'ready',
    uptimeSeconds: 1,
    models: [],
  }));
  await controller.stop();
  for (let beats = 0; beats < 3; beats++) await link.announce();
  const lost = [
    'info: joined the controller',
    'info: lost the controller, joining it again',
    'warn: could not join the controller, trying again',
  ];
  expect(said()).toEqual(lost);

  await startController(controller.port);
  await eventually(() => expect(said()).toEqual([...lost, 'info: joined the controller']));
});

it('but not by a worker that leaves itself', async () => {
  const controller = await startController();
  let phase: NodeReport['phase'] = 'ready';
  const { link, said } = await joinAs(controller.url, () => ({ phase, uptimeSeconds: 1, models: [] }));
  phase = 'draining';
  await controller.stop();
  for (let beats = 0; beats < 3; beats++) await link.announce();
  expect(said()).toEqual(['info: joined the controller']);
});
