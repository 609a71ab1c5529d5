import { request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import winston from 'winston';
import { addNode, drainNode, listNodes, removeNode, undrainNode } from '../../../src/cli/commands/nodes.js';
import { parseSettings } from '../../../src/config/config.js';
import { startControllerLink } from '../../../src/worker/joinController.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';
import { adminAuthorization, testAdminToken } from '../../support/adminToken.js';
import { testClusterToken } from '../../support/clusterToken.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

async function ask(
  cluster: Pick<TestCluster, 'url'>,
  method: 'POST' | 'DELETE',
  path: string,
  { body, headers = {} }: { body?: object; headers?: Record<string, string> } = {},
) {
  const response = await request(cluster.url + path, {
    method,
    headers: { ...adminAuthorization, ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: (await response.body.json()) as Record<string, unknown> };
}

const nodeOf = async (cluster: TestCluster, id: string) =>
  (await cluster.status()).nodes.find((node) => node.id === id);

describe('a node that is drained', () => {
  it('gets nothing more, ends what it has, and takes requests again when it is undrained', async () => {
    const gate = createTokenGate();
    const cluster = await startTestCluster({ workers: [{ script: answer(['a'], { gate }) }, {}] });
    const running = cluster.client.chat.completions.create(params);
    await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

    for (let times = 0; times < 2; times++) {
      expect(await ask(cluster, 'POST', '/cluster/nodes/worker_1/drain')).toMatchObject({
        status: 200,
        body: {
          id: 'worker_1',
          state: 'draining',
          status: 'degraded',
          drainRequested: true,
          reason: 'drained by an operator',
          activeRequests: 1,
        },
      });
    }
    for (let count = 0; count < 5; count++) await cluster.client.chat.completions.create(params);
    expect(cluster.workers[0]?.requests).toHaveLength(1);
    gate.open();
    expect((await running).choices[0]?.message.content).toBe('a');

    expect(await ask(cluster, 'POST', '/cluster/nodes/worker_1/undrain')).toMatchObject({
      status: 200,
      body: { state: 'ready', status: 'healthy', drainRequested: false, reason: null },
    });
    for (let count = 0; count < 5; count++) await cluster.client.chat.completions.create(params);
    expect(cluster.workers[0]?.requests.length).toBeGreaterThan(1);
  });
});

describe('a node that is added', () => {
  it('is shown until its worker joins', async () => {
    const cluster = await startTestCluster({ workers: [{}] });
    expect(await ask(cluster, 'POST', '/cluster/nodes', { body: { id: 'worker_2' } })).toMatchObject({
      status: 200,
      body: { id: 'worker_2', state: 'joining', status: 'degraded', url: null },
    });
    expect(await ask(cluster, 'POST', '/cluster/nodes', { body: { id: 'worker_2' } })).toMatchObject({
      status: 409,
      body: { error: { code: 'node_exists' } },
    });
    const worker = await startFakeWorker({ nodeId: 'worker_2' });
    onTestFinished(() => worker.kill());
    worker.join(cluster.url);
    await eventually(async () => expect(await nodeOf(cluster, 'worker_2')).toMatchObject({ state: 'ready' }));
  });

  it.each([[{}], [{ id: '../etc' }], [{ id: 7 }]])('is refused as %j', async (body) => {
    const cluster = await startTestCluster({ workers: [] });
    expect(await ask(cluster, 'POST', '/cluster/nodes', { body })).toMatchObject({
      status: 400,
      body: { error: { param: 'id' } },
    });
  });
});

describe('a node that is removed', () => {
  it('goes with its last request, its series with it, and its worker is refused', async () => {
    const gate = createTokenGate();
    const cluster = await startTestCluster({ workers: [{ script: answer(['a'], { gate }) }, {}] });
    const running = cluster.client.chat.completions.create(params);
    await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

    expect((await ask(cluster, 'DELETE', '/cluster/nodes/worker_1')).body).toEqual({
      id: 'worker_1',
      removed: false,
      activeRequests: 1,
    });
    expect(await ask(cluster, 'POST', '/cluster/nodes/worker_1/undrain')).toMatchObject({
      status: 409,
      body: { error: { code: 'node_leaving' } },
    });
    gate.open();
    expect((await running).choices[0]?.message.content).toBe('a');
    await eventually(async () => {
      expect(await nodeOf(cluster, 'worker_1')).toBeUndefined();
      expect(await cluster.metrics()).not.toContain('node_id="worker_1"');
    });
    expect(await cluster.metrics()).toContain('ai_cluster_config_min_healthy_nodes 1');

    const log: { message: string; error: string }[] = [];
    const logger = winston.createLogger({ silent: true });
    logger.warn = ((message: string, fields: { error: string }) =>
      log.push({ message, ...fields })) as unknown as typeof logger.warn;
    const link = startControllerLink({
      clusterToken: testClusterToken,
      controllerUrl: cluster.url,
      identity: { nodeId: 'worker_1', instanceId: 'new', url: 'http://127.0.0.1:9', pid: 1, version: '1' },
      report: () => ({ phase: 'ready', uptimeSeconds: 1, models: [] }),
      logger,
    });
    onTestFinished(() => link.close());
    await link.announce();
    await link.announce();
    expect(await nodeOf(cluster, 'worker_1')).toBeUndefined();
    expect(log).toEqual([
      expect.objectContaining({ error: expect.stringContaining('was removed from the cluster') as string }),
    ]);

    await ask(cluster, 'POST', '/cluster/nodes', { body: { id: 'worker_1' } });
    await link.announce();
    expect(await nodeOf(cluster, 'worker_1')).toMatchObject({ pid: 1, url: 'http://127.0.0.1:9' });
  });

  it('is gone at once where nothing runs there, and unknown afterwards', async () => {
    const cluster = await startTestCluster({ workers: [{}] });
    const path = '/cluster/nodes/worker_1';
    expect((await ask(cluster, 'DELETE', path)).body).toMatchObject({ removed: true, activeRequests: 0 });
    for (const [method, suffix] of [
      ['DELETE', ''],
      ['POST', '/drain'],
      ['POST', '/undrain'],
    ] as const) {
      expect(await ask(cluster, method, path + suffix)).toMatchObject({
        status: 404,
        body: { error: { code: 'node_not_found', message: "There is no node 'worker_1'." } },
      });
    }
  });
});

describe('whoever has not the admin token', () => {
  const attempts = [
    ['POST', '/cluster/nodes', { id: 'x' }],
    ['DELETE', '/cluster/nodes/worker_1', undefined],
    ['POST', '/cluster/nodes/worker_1/drain', undefined],
    ['POST', '/cluster/nodes/worker_1/undrain', undefined],
  ] as const;

  it('may change nothing, with whatever else they have', async () => {
    const { dataDir, create } = temporaryKeys();
    const credentials = ['', 'Bearer', 'Bearer x', `Bearer ${create().text}`, `Bearer ${testClusterToken}`];
    const cluster = await startTestCluster({ workers: [{}], controller: { dataDir } });
    for (const authorization of [...credentials, `Basic ${testAdminToken}`, testAdminToken]) {
      for (const [method, path, body] of attempts) {
        const answer = await ask(cluster, method, path, {
          ...(body && { body }),
          headers: { authorization },
        });
        expect(answer).toMatchObject({ status: 401, body: { error: { code: 'invalid_admin_token' } } });
      }
    }
    expect(await nodeOf(cluster, 'worker_1')).toMatchObject({ state: 'ready' });
  });

  it.each([
    ['of another origin', { origin: 'http://evil.example' }, 'origin_not_allowed'],
    ['of a sandbox', { origin: 'null' }, 'origin_not_allowed'],
    [
      'whose name was bound to this machine',
      { origin: 'http://evil.example', host: 'evil.example' },
      'host_not_allowed',
    ],
  ])('a web page %s may not, either', async (_what, headers, code) => {
    const cluster = await startTestCluster({ workers: [{}] });
    for (const [method, path, body] of attempts) {
      expect(await ask(cluster, method, path, { ...(body && { body }), headers })).toMatchObject({
        body: { error: { code } },
      });
    }
  });
});

it('the commands do the same', async () => {
  const cluster = await startTestCluster({ workers: [{}, {}] });
  const { port } = new URL(cluster.url);
  const dataDir = '/nowhere';
  const settings = parseSettings('nodes', { flags: { port, 'data-dir': dataDir }, environment: {} });
  const withToken = () => ({ AI_CLUSTER_ADMIN_TOKEN: testAdminToken });
  const toThrown = (thrown: unknown) => thrown;
  const written: string[] = [];
  const write = process.stdout.write.bind(process.stdout);
  onTestFinished(() => void (process.stdout.write = write));
  process.stdout.write = ((text: string) => written.push(text)) as unknown as typeof write;

  await drainNode(settings, 'worker_1', withToken());
  await listNodes(settings, {});
  await undrainNode(settings, 'worker_1', withToken());
  await removeNode(settings, 'worker_2', withToken());
  await addNode(settings, 'worker_9', withToken());
  const error: unknown = await drainNode(settings, 'nobody', withToken()).catch(toThrown);
  const withoutToken: unknown = await drainNode(settings, 'worker_1', {}).catch(toThrown);
  process.stdout.write = write;

  expect(written.join('')).toBe(
    `${[
      'worker_1: no new requests; 0 requests left to end',
      'NODE      STATE     STATUS    REQUESTS  WEIGHT  BREAKER  WHY',
      'worker_1  draining  degraded  0         1.00    closed   drained by an operator',
      'worker_2  ready     healthy   0         1.00    closed',
      'worker_1: ready, takes requests again',
      'worker_2: removed',
      'worker_9: expected; a worker joins as it with --node-id worker_9',
    ].join('\n')}\n`,
  );
  expect(error).toMatchObject({ message: "There is no node 'nobody'." });
  expect(withoutToken).toMatchObject({
    message:
      'there is no file /nowhere/admin-token: give the --data-dir of the controller, or AI_CLUSTER_ADMIN_TOKEN, or --admin-token-file',
  });
});
