import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startControllerLink } from '../../../src/worker/joinController.js';
import { testClusterToken } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { readyReport } from '../../support/nodeReport.js';
import { captureLog, startTestCluster, type TestCluster } from '../../support/testCluster.js';

/** A worker that says of itself that it is at `url`. */
function joinAs(url: string, { url: controllerUrl }: TestCluster) {
  const log = captureLog();
  const identity = { nodeId: 'worker_1', instanceId: 'one', url, pid: 1, version: '0.0.0' };
  const link = startControllerLink({
    controllerUrl,
    clusterToken: testClusterToken,
    identity,
    report: () => readyReport,
    logger: log.logger,
  });
  onTestFinished(() => link.close());
  return { log, link };
}

const ask = ({ url }: TestCluster) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hello' }] }),
  });

it('a worker with a name is shown by it, and called at the address of the name', async () => {
  const worker = await startFakeWorker();
  onTestFinished(() => worker.kill());
  const cluster = await startTestCluster({ workers: [], controller: { nodeIds: [] } });
  const byName = worker.url.replace('127.0.0.1', 'localhost');
  joinAs(byName, cluster);
  await eventually(async () =>
    expect((await cluster.status()).nodes).toMatchObject([{ state: 'ready', url: byName }]),
  );
  expect((await ask(cluster)).status).toBe(200);
  expect(worker.requests).toHaveLength(1);
});

it('a worker elsewhere is told once which setting would allow it', async () => {
  const cluster = await startTestCluster({ workers: [], controller: { nodeIds: [] } });
  const { log, link } = joinAs('http://192.0.2.1:8081', cluster);
  await eventually(() => expect(log.entries()).toHaveLength(1));
  await link.announce();
  expect(log.entries()).toMatchObject([
    { level: 'warn', error: expect.stringMatching(/192\.0\.2\.1 .* --worker-networks/) as string },
  ]);
  expect((await cluster.status()).nodes).toEqual([]);
});

it('a redirect is followed neither by a request nor by a health probe', async () => {
  const asked: string[] = [];
  const target = createServer((req, res) => (asked.push(req.url ?? ''), res.end('{}')));
  const worker = createServer((req, res) => {
    asked.push(`redirected ${req.url}`);
    res.writeHead(307, { location: `http://127.0.0.1:${portOf(target)}/stolen` }).end();
  });
  const portOf = (server: typeof target) => (server.address() as AddressInfo).port;
  for (const server of [target, worker]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
  }
  const cluster = await startTestCluster({
    workers: [],
    controller: { nodeIds: [], probeTimings: { intervalMs: 20, timeoutMs: 1_000, retryMs: 20 } },
  });
  joinAs(`http://127.0.0.1:${portOf(worker)}`, cluster);
  await eventually(async () => expect((await cluster.status()).nodes).toMatchObject([{ state: 'ready' }]));
  const answer = await ask(cluster);
  expect(answer.status).toBe(502);
  await eventually(async () => expect((await cluster.status()).nodes).toMatchObject([{ state: 'suspect' }]));
  expect(new Set(asked)).toEqual(new Set(['redirected /health', 'redirected /internal/v1/generate']));
});

it('a health answer without an end is cut off', async () => {
  const worker = createServer((_req, res) => {
    const timer = setInterval(() => res.write(Buffer.alloc(16_384)), 1);
    res.once('close', () => clearInterval(timer));
  });
  worker.listen(0, '127.0.0.1');
  await once(worker, 'listening');
  onTestFinished(() => void worker.close());
  const cluster = await startTestCluster({
    workers: [],
    controller: { nodeIds: [], probeTimings: { intervalMs: 20, timeoutMs: 20_000, retryMs: 20 } },
  });
  joinAs(`http://127.0.0.1:${(worker.address() as AddressInfo).port}`, cluster);
  // Sooner than its time is over, by the size.
  await eventually(async () => expect((await cluster.status()).nodes).toMatchObject([{ state: 'suspect' }]));
});
