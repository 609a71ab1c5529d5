import { Agent, request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startController } from '../../../src/controller/startController.js';
import type { JoinRequest } from '../../../src/protocol/workerApi.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { captureLog, startTestCluster, testControllerOptions } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';
import { clusterAuthorization } from '../../support/clusterToken.js';

const model = {
  id: 'test-model',
  kind: 'generation' as const,
  slotsTotal: 2,
  slotsBusy: 0,
  contextTokens: 4096,
  loadSeconds: 1,
  memoryBytes: 5,
  fingerprint: 'fp',
};
const report = { phase: 'ready' as const, uptimeSeconds: 3, models: [model] };
const joinRequest: JoinRequest = {
  nodeId: 'worker_1',
  instanceId: 'instance-1',
  url: 'http://127.0.0.1:9',
  pid: 4242,
  version: '1.0.0',
  report,
};

/** A controller without workers, and a connection to it as a worker has one. */
async function startAlone(nodeIds = ['worker_1']) {
  const cluster = await startTestCluster({
    workers: [],
    controller: { nodeIds },
  });
  const agents: Agent[] = [];
  onTestFinished(() => Promise.all(agents.map((agent) => agent.destroy())).then(() => undefined));
  const createPeer = () => {
    const agent = new Agent({ connections: 1 });
    agents.push(agent);
    const post = async (path: string, body: unknown) => {
      const response = await request(`${cluster.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...clusterAuthorization },
        body: JSON.stringify(body),
        dispatcher: agent,
      });
      return { status: response.statusCode, body: await response.body.json() };
    };
    return {
      join: (fields: Partial<Record<keyof JoinRequest, unknown>> = {}) =>
        post('/internal/v1/nodes', { ...joinRequest, ...fields }),
      heartbeat: (instanceId = 'instance-1', nodeId = 'worker_1') =>
        post(`/internal/v1/nodes/${nodeId}/heartbeat`, { instanceId, report }),
      leave: () => agent.destroy(),
    };
  };
  const node = async (index = 0) => (await cluster.status()).nodes[index];
  return { ...cluster, createPeer, node };
}

describe('joining', () => {
  it('makes a configured node known by its address, process and models', async () => {
    const cluster = await startAlone();
    expect(await cluster.node()).toMatchObject({ state: 'joining', url: null, pid: null, models: [] });

    expect(await cluster.createPeer().join()).toStrictEqual({ status: 200, body: { ok: true } });

    expect(await cluster.node()).toMatchObject({
      id: 'worker_1',
      state: 'ready',
      status: 'healthy',
      url: 'http://127.0.0.1:9',
      pid: 4242,
      models: ['test-model'],
      slots: { busy: 0, total: 2 },
      uptimeSeconds: 3,
    });
  });

  it('adds a node that was not configured', async () => {
    const cluster = await startAlone();
    await cluster.createPeer().join({ nodeId: 'extra' });
    expect((await cluster.status()).nodes.map(({ id }) => id)).toStrictEqual(['worker_1', 'extra']);
  });

  it('offers the models that only a worker knows', async () => {
    const cluster = await startAlone();
    await cluster.createPeer().join({ report: { ...report, models: [{ ...model, id: 'other' }] } });
    const ids = (await cluster.client.models.list()).data.map(({ id }) => id);
    expect(ids).toStrictEqual(['test-model', 'other']);
  });

  it('is refused to a second worker with the same node id', async () => {
    const cluster = await startAlone();
    await cluster.createPeer().join();

    const second = await cluster.createPeer().join({ instanceId: 'instance-2', pid: 1 });

    expect(second).toMatchObject({ status: 409, body: { error: { code: 'node_id_taken' } } });
    expect(await cluster.node()).toMatchObject({ pid: 4242, state: 'ready' });
  });

  it('is repeated without harm', async () => {
    const cluster = await startAlone();
    const peer = cluster.createPeer();
    await peer.join();
    expect((await peer.join()).status).toBe(200);
    expect((await cluster.status()).nodes).toHaveLength(1);
  });

  it('is allowed to the successor of a worker whose connection ended', async () => {
    const cluster = await startAlone();
    const first = cluster.createPeer();
    await first.join();
    await first.leave();
    await eventually(async () => expect((await cluster.node())?.state).toBe('lost'));

    expect((await cluster.createPeer().join({ instanceId: 'instance-2', pid: 7 })).status).toBe(200);
    expect(await cluster.node()).toMatchObject({ pid: 7, state: 'ready' });
    expect((await cluster.createPeer().heartbeat('instance-1')).status).toBe(404);
  });

  it.each([
    'http://10.0.0.1:8081',
    'http://169.254.169.254/',
    'http://example.com',
    'http://0.0.0.0:8081',
    'http://[::]:8081',
    'http://127.0.0.1.example.com',
    'http://127.0.0.1@example.com',
    'http://example.com#127.0.0.1',
    'http://example.com\\@127.0.0.1',
    'https://127.0.0.1:8081',
    'file:///etc/passwd',
    'http://',
    'worker',
    '',
    7,
  ])('is refused with the address %j', async (url) => {
    const cluster = await startAlone();
    const { status, body } = await cluster.createPeer().join({ url });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { param: 'url' } });
    expect((await cluster.node())?.state).toBe('joining');
  });

  it.each(['http://127.0.0.1:8081/', 'http://localhost:8081', 'http://[::1]:8081', 'http://127.1.2.3:80'])(
    'is allowed with the address %s of this machine',
    async (url) => {
      const cluster = await startAlone();
      expect((await cluster.createPeer().join({ url })).status).toBe(200);
    },
  );

  it.each(['http://127.0.0.1:8081/base', 'http://127.0.0.1:8081/?a=b', 'http://user:pw@127.0.0.1:8081'])(
    'is refused with the address %s, where no request could be sent',
    async (url) => {
      const cluster = await startAlone();
      expect((await cluster.createPeer().join({ url })).status).toBe(400);
    },
  );

  it.each<[string, unknown, string]>([
    ['nodeId', '../etc', 'nodeId'],
    ['nodeId', 'a b', 'nodeId'],
    ['nodeId', 'x'.repeat(64), 'nodeId'],
    ['pid', 0, 'pid'],
    ['report', { phase: 'ready' }, 'report.uptimeSeconds'],
    ['report', { ...report, phase: 'lost' }, 'report.phase'],
  ])('is refused with %s %j', async (field, value, param) => {
    const cluster = await startAlone();
    const { status, body } = await cluster.createPeer().join({ [field]: value });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { type: 'invalid_request_error', param } });
  });
});

describe('heartbeats', () => {
  it('of a node that never joined are answered 404', async () => {
    const cluster = await startAlone();
    const { status, body } = await cluster.createPeer().heartbeat();
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: 'node_not_found' } });
    expect((await cluster.createPeer().heartbeat('instance-1', 'nobody')).status).toBe(404);
  });

  it('of another instance are answered 404', async () => {
    const cluster = await startAlone();
    const peer = cluster.createPeer();
    await peer.join();
    expect((await peer.heartbeat('instance-2')).status).toBe(404);
    expect((await peer.heartbeat('instance-1')).status).toBe(200);
  });

  it('bring a node back whose connection ended', async () => {
    const cluster = await startAlone();
    const peer = cluster.createPeer();
    await peer.join();
    await peer.leave();
    await eventually(async () => expect((await cluster.node())?.state).toBe('lost'));

    expect((await cluster.createPeer().heartbeat()).status).toBe(200);
    expect((await cluster.node())?.state).toBe('ready');
  });

  it('tell the state of the worker', async () => {
    const cluster = await startTestCluster();
    const state = async () => (await cluster.status()).nodes[0]?.state;
    expect(await state()).toBe('ready');

    for (const phase of ['loading', 'draining', 'ready'] as const) {
      void cluster.workers[0]?.setPhase(phase);
      await eventually(async () => expect(await state()).toBe(phase), { timeout: 500 });
    }
  });

  it('that move to a new connection do not make the end of the old one a loss', async () => {
    const cluster = await startAlone();
    const first = cluster.createPeer();
    await first.join();
    await cluster.createPeer().heartbeat();

    await first.leave();
    const other = cluster.createPeer();
    await other.join({ nodeId: 'marker' });

    expect((await cluster.node())?.state).toBe('ready');
  });
});

it('a worker whose connection closes is offline at once and gets nothing more', async () => {
  const cluster = await startTestCluster({ workers: [{}, {}] });

  await cluster.workers[0]?.leave();

  await eventually(
    async () => expect((await cluster.status()).nodes[0]).toMatchObject({ state: 'lost', status: 'offline' }),
    { timeout: 500, interval: 10 },
  );
  for (let count = 0; count < 4; count++) {
    await cluster.client.chat.completions.create({
      model: 'test-model',
      messages: [{ role: 'user', content: 'Hi' }],
    });
  }
  expect(cluster.workers[0]?.requests).toHaveLength(0);
  expect(cluster.log.entries()).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      message: 'node state',
      nodeId: 'worker_1',
      from: 'ready',
      to: 'lost',
      reason: 'connection closed',
    }),
  );
});

it('a draining worker gets nothing more and ends what it has', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ script: answer(['a'], { gate }) }, {}] });
  const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
  const running = cluster.client.chat.completions.create(params);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

  void cluster.workers[0]?.setPhase('draining');
  await eventually(async () => expect((await cluster.status()).nodes[0]?.state).toBe('draining'));
  for (let count = 0; count < 3; count++) await cluster.client.chat.completions.create(params);

  expect(cluster.workers[0]?.requests).toHaveLength(1);
  gate.open();
  expect((await running).choices[0]?.message.content).toBe('a');
});

it('workers outlive a restart of the controller and join the new one', async () => {
  const cluster = await startTestCluster({ workers: [{}, {}] });
  await cluster.close();

  const log = captureLog();
  const second = await startController({
    ...testControllerOptions,
    nodeIds: ['worker_1', 'worker_2'],
    port: Number(new URL(cluster.url).port),
    logger: log.logger,
  });
  onTestFinished(() => second.close());

  await eventually(
    async () =>
      expect((await cluster.status()).nodes.map(({ state }) => state)).toStrictEqual(['ready', 'ready']),
    { timeout: 5_000 },
  );
  const completion = await cluster.client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi' }],
  });
  expect(completion.choices[0]?.message.content).toBe('Hello world');
});

it('a worker that starts before the controller joins it when it comes', async () => {
  const gate = createTokenGate();
  const worker = await startFakeWorker({ script: answer(['a'], { gate }) });
  const first = await startController({ ...testControllerOptions, logger: captureLog().logger });
  await first.close();
  worker.join(first.url);

  const second = await startController({
    ...testControllerOptions,
    port: Number(new URL(first.url).port),
    logger: captureLog().logger,
  });
  onTestFinished(async () => {
    await worker.kill();
    await second.close();
  });

  gate.open();
  const stream = await openSse(`${second.url}/v1/chat/completions`, {
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi' }],
    stream: true,
  });
  expect((await stream.rest()).at(-1)).toBe('data: [DONE]');
});
