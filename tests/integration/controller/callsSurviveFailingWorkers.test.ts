import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createWorkerClient } from '../../../src/controller/upstream/workerClient.js';
import { encodeVector } from '../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';
import { statusOfFailure, type GenerationFailure } from '../../../src/protocol/generation.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker, type FakeWorkerOptions, type PlainScript } from '../../support/fakeWorker.js';
import { startTestCluster, type TestCluster, type TestClusterOptions } from '../../support/testCluster.js';
import { testClusterToken } from '../../support/clusterToken.js';

const embedding = { embeddings: [encodeVector([0.6, 0.8])], promptTokens: 3 };
const succeed: PlainScript = (call) => call.answer(embedding);
const params = { model: 'test-model', input: 'Hi' };

function refuse(code: GenerationFailure['code'], retryable: boolean): PlainScript {
  return (call) => call.refuse(statusOfFailure[code], { code, message: `scripted: ${code}`, retryable });
}

/** Takes the call and never answers. */
const stall: PlainScript = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function startEmbedders(
  workers: readonly FakeWorkerOptions[],
  controller?: TestClusterOptions['controller'],
) {
  const withKind = workers.map((worker) => ({ kind: 'embedding' as const, plainScript: succeed, ...worker }));
  return startTestCluster({ workers: withKind, ...(controller && { controller }) });
}

async function post(cluster: TestCluster, path: string, body: object, signal?: AbortSignal) {
  const answer = await request(cluster.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.json() };
}

const embed = (cluster: TestCluster, signal?: AbortSignal) => post(cluster, '/v1/embeddings', params, signal);
const callsOf = (cluster: TestCluster) => cluster.workers.map(({ calls }) => calls.length);
const failuresOf = (cluster: TestCluster) =>
  cluster.log.entries().filter(({ message }) => message === 'attempt failed');

const faults: [string, PlainScript][] = [
  ['resets the connection', (call) => call.reset()],
  ['resets the connection after a sign of life', (call) => (call.signOfLife(), call.reset())],
  ['fails with 500', refuse('engine_failed', true)],
  ['answers in another protocol', (call) => call.answer({ hello: 'world' })],
];

describe.each([
  ...faults,
  ['forgets an input', (call) => call.answer({ embeddings: [], promptTokens: 0 })],
] as [string, PlainScript][])('embeddings on a worker that %s', (_name, fault) => {
  it('come from another one', async () => {
    const cluster = await startEmbedders([{}, {}]);
    cluster.workers[0]?.answerNextCall(fault);
    const { status, body } = await embed(cluster);
    expect(status).toBe(200);
    expect(body).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [Math.fround(0.6), Math.fround(0.8)] }],
      model: 'test-model',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    expect(callsOf(cluster)).toEqual([1, 1]);
    expect(failuresOf(cluster)).toMatchObject([{ attempt: 1, nodeId: 'worker_1', willRetry: true }]);
  });
});

it('are a 502 after three failures, with which the slots are free', async () => {
  const fail = refuse('engine_failed', true);
  const cluster = await startEmbedders([1, 2, 3, 4].map(() => ({ plainScript: fail })));
  const { status, headers, body } = await embed(cluster);
  expect([status, headers['x-should-retry']]).toEqual([502, 'false']);
  expect(body).toMatchObject({ error: { type: 'server_error', code: null } });
  expect(callsOf(cluster).reduce((sum, count) => sum + count, 0)).toBe(3);
  const { nodes, totals } = await cluster.status();
  expect(nodes.map(({ activeRequests }) => activeRequests)).toEqual([0, 0, 0, 0]);
  await eventually(async () =>
    expect((await cluster.status()).totals).toMatchObject({ requests: 1, errors: 1 }),
  );
  expect(totals.tokensPerSecond).toBe(0);
});

it('are not asked of another worker where the client is at fault', async () => {
  const cluster = await startEmbedders([{}, {}]);
  cluster.workers[0]?.answerNextCall(refuse('context_length_exceeded', false));
  expect(await embed(cluster)).toMatchObject({
    status: 400,
    body: { error: { code: 'context_length_exceeded', param: 'input' } },
  });
  expect(callsOf(cluster)).toEqual([1, 0]);
  expect(failuresOf(cluster)).toEqual([]);
});

it('wait in the queue for a slot, and take their turn', async () => {
  const cluster = await startEmbedders([{ slots: 1 }]);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  cluster.workers[0]?.answerNextCall(async (call) => {
    await held;
    call.answer(embedding);
  });
  const first = embed(cluster);
  await eventually(() => expect(callsOf(cluster)).toEqual([1]));
  const second = embed(cluster);
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(1));
  expect(callsOf(cluster)).toEqual([1]);
  release();
  expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
  expect(cluster.workers[0]?.refusals).toEqual([]);
});

it('are turned away where the queue is full', async () => {
  const cluster = await startEmbedders([{ slots: 1, plainScript: stall }], { queueLimit: 1 });
  const abort = new AbortController();
  const running = embed(cluster, abort.signal).catch(() => 'left');
  await eventually(() => expect(callsOf(cluster)).toEqual([1]));
  const waiting = embed(cluster, abort.signal).catch(() => 'left');
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(1));
  const { status, headers, body } = await embed(cluster);
  expect(status).toBe(503);
  expect(headers['retry-after']).toMatch(/^\d$/);
  expect(body).toMatchObject({ error: { code: 'server_is_overloaded' } });
  abort.abort();
  expect(await Promise.all([running, waiting])).toEqual(['left', 'left']);
});

it('are a 504 where no slot becomes free in time', async () => {
  const cluster = await startEmbedders([{ slots: 1, plainScript: stall }], { queueTimeoutMs: 100 });
  const abort = new AbortController();
  const running = embed(cluster, abort.signal).catch(() => 'left');
  await eventually(() => expect(callsOf(cluster)).toEqual([1]));
  expect(await embed(cluster)).toMatchObject({ status: 504, body: { error: { code: 'timeout' } } });
  abort.abort();
  expect(await running).toBe('left');
});

it('wait while a worker says that it has no slot after all: that is no failure', async () => {
  const cluster = await startEmbedders([{}]);
  const full = refuse('no_free_slot', true);
  cluster.workers[0]?.answerNextCall(full, full, full, full);
  expect((await embed(cluster)).status).toBe(200);
  expect(callsOf(cluster)).toEqual([5]);
  expect(failuresOf(cluster)).toEqual([]);
});

it('end on the worker when their client leaves, and free their slot', async () => {
  const cluster = await startEmbedders([{ slots: 1 }]);
  cluster.workers[0]?.answerNextCall(stall);
  const abort = new AbortController();
  const left = embed(cluster, abort.signal).catch(() => 'left');
  await eventually(() => expect(callsOf(cluster)).toEqual([1]));
  abort.abort();
  expect(await left).toBe('left');
  await eventually(() => expect(cluster.workers[0]?.calls[0]?.signal.aborted).toBe(true));
  expect((await embed(cluster)).status).toBe(200);
  await eventually(() => {
    const lines = cluster.log.entries().filter(({ message }) => message === 'request');
    expect(lines).toMatchObject([
      { status: 499, outcome: 'cancelled' },
      { status: 200, outcome: 'success', promptTokens: 3 },
    ]);
  });
});

describe('a call that takes long', () => {
  const never = new AbortController().signal;
  const body = { model: 'm', principal: anonymousPrincipal, inputs: ['Hi'], dimensions: null };
  const silenceTimeoutMs = 500;

  it('is waited for while its worker shows that it lives', async () => {
    const worker = await startFakeWorker({
      plainScript: async (call) => {
        const startedAt = performance.now();
        await new Promise<void>((resolve) => {
          const timer = setInterval(() => {
            call.signOfLife();
            if (performance.now() - startedAt < 3 * silenceTimeoutMs) return;
            clearInterval(timer);
            resolve();
          }, 20);
        });
        call.answer(embedding);
      },
    });
    const client = createWorkerClient({ clusterToken: testClusterToken, silenceTimeoutMs });
    expect(await client.embed(worker.url, body, never)).toEqual(embedding);
    await client.close();
    await worker.kill();
  });

  it('is given up where its worker falls silent', async () => {
    const worker = await startFakeWorker({ plainScript: (call) => (call.signOfLife(), stall(call)) });
    const client = createWorkerClient({ clusterToken: testClusterToken, silenceTimeoutMs: 100 });
    const embedded = client.embed(worker.url, body, never);
    await expect(embedded).rejects.toMatchObject({ name: 'UpstreamError', kind: 'silent' });
    await eventually(() => expect(worker.calls[0]?.signal.aborted).toBe(true));
    await client.close();
    await worker.kill();
  });
});

describe('tokenizing', () => {
  const tokenize = (cluster: TestCluster) =>
    post(cluster, '/tokenize', { model: 'test-model', content: 'Hi' });
  const tokens: PlainScript = (call) => call.answer({ tokens: [1, 2] });
  const start = (...workers: FakeWorkerOptions[]) =>
    startTestCluster({ workers: workers.map((worker) => ({ plainScript: tokens, ...worker })) });

  it.each([...faults, ['is about to stop', refuse('draining', true)]] as [string, PlainScript][])(
    'on a worker that %s is done by another one',
    async (_name, fault) => {
      const cluster = await start({}, {});
      cluster.workers[0]?.answerNextCall(fault);
      expect(await tokenize(cluster)).toMatchObject({ status: 200, body: { tokens: [1, 2] } });
      expect(callsOf(cluster)).toEqual([1, 1]);
    },
  );

  it('needs no slot', async () => {
    const cluster = await startTestCluster({
      workers: [{ slots: 1, plainScript: tokens, script: () => undefined }],
    });
    const abort = new AbortController();
    const chat = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] };
    const running = post(cluster, '/v1/chat/completions', chat, abort.signal).catch(() => 'left');
    await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));
    expect((await tokenize(cluster)).status).toBe(200);
    abort.abort();
    expect(await running).toBe('left');
  });

  it('is a 503 while no worker is ready', async () => {
    const cluster = await startTestCluster({ workers: [] });
    const answer = await tokenize(cluster);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(answer.body).toMatchObject({
      error: {
        code: 'server_is_overloaded',
        message: expect.stringContaining('`test-model` is ready') as string,
      },
    });
  });

  it('is a 503 where all workers are about to stop, and a 502 where all fail', async () => {
    const stopping = refuse('draining', true);
    const cluster = await start({ plainScript: stopping }, { plainScript: stopping });
    expect((await tokenize(cluster)).status).toBe(503);
    const failing = await start(
      { plainScript: (call) => call.reset() },
      { plainScript: (call) => call.reset() },
    );
    expect((await tokenize(failing)).status).toBe(502);
    expect(failuresOf(failing)).toMatchObject([{ willRetry: true }, { willRetry: false }]);
  });
});
