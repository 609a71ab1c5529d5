import { expect, it, onTestFinished } from 'vitest';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { startControllerLink } from '../../../src/worker/joinController.js';
import { clusterAuthorization, testClusterToken } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { readyReport } from '../../support/nodeReport.js';
import { captureLog, startTestCluster } from '../../support/testCluster.js';

const joinRequest = {
  nodeId: 'worker_9',
  instanceId: 'instance-9',
  url: 'http://127.0.0.1:9',
  pid: 1,
  version: '0.0.0',
  report: { phase: 'ready', uptimeSeconds: 1, models: [] },
};
const heartbeatPath = internalPaths.heartbeat.replace(':id', 'worker_1');

const credentials = [
  ['none', {}],
  ['another token', { authorization: 'Bearer another-token-of-the-tests' }],
  ['a token that begins alike', { authorization: `Bearer ${testClusterToken.slice(0, -1)}` }],
  ['the token and more', { authorization: `Bearer ${testClusterToken}x` }],
  ['the token without its scheme', { authorization: testClusterToken }],
  ['the token as basic authorization', { authorization: `Basic ${btoa(`:${testClusterToken}`)}` }],
] as const;

it('gives everybody who joins or beats without the token the same 401', async () => {
  const { url, status } = await startTestCluster();
  const bodies = new Set<string>();
  for (const path of [internalPaths.nodes, heartbeatPath]) {
    for (const [, headers] of credentials) {
      for (const body of [JSON.stringify(joinRequest), '{ broken']) {
        const response = await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        });
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        bodies.add(await response.text());
      }
    }
  }
  expect([...bodies]).toEqual([expect.stringContaining('"code":"cluster_token_invalid"')]);
  expect((await status()).nodes.map(({ id }) => id)).toEqual(['worker_1']);
});

it('lets the token in', async () => {
  const { url, status } = await startTestCluster();
  const response = await fetch(url + internalPaths.nodes, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...clusterAuthorization },
    body: JSON.stringify(joinRequest),
  });
  expect(response.status).toBe(200);
  expect((await status()).nodes.map(({ id }) => id)).toEqual(['worker_1', 'worker_9']);
});

it('tells a worker with another token once, and by its setting, what to do', async () => {
  const { url, status, log: controllerLog } = await startTestCluster();
  const log = captureLog();
  const wrongToken = 'the-token-of-another-cluster';
  const link = startControllerLink({
    controllerUrl: url,
    clusterToken: wrongToken,
    identity: joinRequest,
    report: () => ({ phase: 'ready', uptimeSeconds: 1, models: [] }),
    logger: log.logger,
  });
  onTestFinished(() => link.close());
  await eventually(() => expect(log.entries()).toHaveLength(1));
  await link.announce();
  expect(log.entries()).toEqual([
    {
      level: 'warn',
      message: 'could not join the controller, trying again',
      controllerUrl: url,
      error: expect.stringContaining('--cluster-token-file') as string,
    },
  ]);
  expect((await status()).nodes.map(({ id }) => id)).toEqual(['worker_1']);
  await eventually(() => expect(controllerLog.text()).toContain('cluster_token_invalid'));
  for (const secret of [wrongToken, testClusterToken]) {
    expect(log.text()).not.toContain(secret);
    expect(controllerLog.text()).not.toContain(secret);
  }
});

it('says what is wrong where a worker refuses the token of the controller', async () => {
  const clusterToken = 'another-token-of-the-tests';
  const worker = await startFakeWorker();
  onTestFinished(() => worker.kill());
  const cluster = await startTestCluster({
    controller: { clusterToken, nodeIds: ['worker_9'] },
    workers: [],
  });
  // It was started again with another token behind its join.
  const link = startControllerLink({
    controllerUrl: cluster.url,
    clusterToken,
    identity: { ...joinRequest, url: worker.url },
    report: () => readyReport,
    logger: captureLog().logger,
  });
  onTestFinished(() => link.close());
  await eventually(async () => expect((await cluster.status()).nodes[0]?.state).toBe('ready'));
  const answer = await fetch(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  expect(answer.status).toBe(502);
  expect(cluster.log.text()).toContain('it was started with another cluster token');
});
