import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { FakeWorker, Script } from '../../support/fakeWorker.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { answer, refuse, stall } from '../../support/workerScripts.js';

const text = ['one', ' two', ' three'];

async function ask(cluster: TestCluster, headers: Record<string, string> = {}) {
  const answered = await request(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  const body = (await answered.body.json()) as { choices?: { message: { content: string } }[] };
  return { status: answered.statusCode, text: body.choices?.[0]?.message.content, body };
}

const accepted = '{"type":"accepted","promptTokens":7,"cachedTokens":0}\n';
const ndjson = { 'content-type': 'application/x-ndjson' };
const megabyte = Buffer.alloc(1024 * 1024, 'x');

const answers: [string, Script][] = [
  ['garbage', (call) => call.sendRaw('\u0000\u0001<html>\n')],
  ['an empty line', (call) => call.sendRaw(`${accepted}\n`)],
  ['half an event', async (call) => (await call.sendRaw(accepted.slice(0, 20)), call.breakOff())],
  [
    'half an event, and ends in order',
    async (call) => (await call.sendRaw(accepted.slice(0, 20)), call.end()),
  ],
  [
    'half an event behind tokens',
    answer(text, {
      fault: { afterTokens: 2, run: async (call) => (await call.sendRaw('{"type'), call.end()) },
    }),
  ],
  [
    'less than it promised',
    async (call) => (await call.sendRaw(accepted, { ...ndjson, 'content-length': '1000' }), call.breakOff()),
  ],
  [
    'more than it promised',
    async (call) => (await call.sendRaw(accepted, { ...ndjson, 'content-length': '10' }), call.breakOff()),
  ],
  [
    'a line without an end',
    async (call) => {
      await call.sendRaw(accepted);
      while (!call.signal.aborted) await call.sendRaw(megabyte);
    },
  ],
  [
    'a status without an end',
    async (call) => {
      call.refuse(500, { code: 'engine_failed', message: 'x'.repeat(1024 * 1024), retryable: true });
      await Promise.resolve();
    },
  ],
];

describe.each(answers)('a worker that sends %s', (_name, script) => {
  it('is told apart from one that answers', async () => {
    const cluster = await startTestCluster({ workers: [{}, {}].map(() => ({ script: answer(text) })) });
    cluster.workers[0]?.answerNext(script);
    expect(await ask(cluster)).toMatchObject({ status: 200, text: text.join('') });
    expect(cluster.workers.map(({ requests }) => requests.length)).toEqual([1, 1]);
    await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(0));
    expect(await cluster.metrics()).toMatch(
      /upstream_attempts_total\{node_id="worker_1",outcome="error",attempt="first"\} 1/,
    );
  });
});

it('where all send garbage it is a 502', async () => {
  const script: Script = (call) => call.sendRaw('<html>\n');
  const cluster = await startTestCluster({ workers: [{ script }, { script }, { script }] });
  expect(await ask(cluster)).toMatchObject({ status: 502, body: { error: { type: 'server_error' } } });
});

it('a connection that is closed at the moment it is used again is no failure', async () => {
  const cluster = await startTestCluster({ workers: [{ script: answer(text) }] });
  const [worker] = cluster.workers as [FakeWorker];
  expect(await ask(cluster)).toMatchObject({ status: 200 });

  worker.answerNext((call) => call.reset());
  expect(await ask(cluster)).toMatchObject({ status: 200, text: text.join('') });

  expect([worker.requests.length, worker.connections()]).toEqual([3, 2]);
  expect(cluster.log.text()).not.toContain('attempt failed');
  const metrics = await cluster.metrics();
  expect(metrics).toMatch(
    /upstream_attempts_total\{node_id="worker_1",outcome="success",attempt="first"\} 2/,
  );
  expect(metrics).not.toMatch(/outcome="error"/);
  expect(metrics).toMatch(/ai_cluster_retry_budget_remaining_ratio 1\n/);
});

it('one that is reset again on a fresh connection is a failure, once', async () => {
  const cluster = await startTestCluster({ workers: [{ script: answer(text) }, { script: answer(text) }] });
  const [first, second] = cluster.workers as [FakeWorker, FakeWorker];
  await Promise.all([ask(cluster), ask(cluster)]);
  first.answerNext(
    (call) => call.reset(),
    (call) => call.reset(),
  );
  second.answerNext(
    (call) => call.reset(),
    (call) => call.reset(),
  );
  await ask(cluster);
  expect(await cluster.metrics()).toMatch(/ai_cluster_retries_total\{reason="lost"\} [12]\n/);
});

describe('a worker that is silent', () => {
  it('is left after the time that is set, once', async () => {
    const cluster = await startTestCluster({
      workers: [stall, answer(text), answer(text)].map((script) => ({ script })),
      controller: { workerSilenceMs: 100 },
    });
    expect(await ask(cluster)).toMatchObject({ status: 200, text: text.join('') });
    await eventually(() => expect(cluster.workers[0]?.aborts).toHaveLength(1));
    expect(await cluster.metrics()).toMatch(
      /upstream_attempts_total\{node_id="worker_1",outcome="timeout",attempt="first"\} 1/,
    );

    for (const worker of cluster.workers) worker.script = stall;
    expect(await ask(cluster)).toMatchObject({ status: 502 });
    expect(cluster.workers.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(4);
  });

  it('is not left while it reads a long prompt and says so', async () => {
    const reading: Script = async (call) => {
      await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      const startedAt = performance.now();
      while (performance.now() - startedAt < 4_000) {
        await call.send({ type: 'progress', phase: 'prefill', tokensDone: 1 });
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      const send: typeof call.send = (event) =>
        event.type === 'accepted' ? Promise.resolve() : call.send(event);
      await answer(text)({ ...call, send });
    };
    const cluster = await startTestCluster({
      workers: [{ script: reading }],
      controller: { workerSilenceMs: 1_500 },
    });
    expect(await ask(cluster)).toMatchObject({ status: 200, text: text.join('') });
    expect(cluster.workers[0]?.requests).toHaveLength(1);
  });
});

describe('when all workers fail everything', () => {
  it('no more is tried again than the budget allows', async () => {
    const failing = refuse('engine_failed', { retryable: true });
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ slots: 50, script: failing })),
    });
    const startedAt = performance.now();
    const answered = [];
    for (let round = 0; round < 4; round++) {
      answered.push(...(await Promise.all(Array.from({ length: 25 }, () => ask(cluster)))));
    }
    const windows = Math.floor((performance.now() - startedAt) / 10_000) + 1;
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([502, 503]));
    const attempts = cluster.workers.reduce((sum, { requests }) => sum + requests.length, 0);
    expect(attempts).toBeLessThanOrEqual(1.2 * 100 + 30 * windows);
    expect(attempts).toBeGreaterThan(120);
    expect(await cluster.metrics()).toMatch(/ai_cluster_retry_budget_remaining_ratio 0(\.0\d+)?\n/);
  });

  it('and says 503, they are not asked more often either, until the patience is over', async () => {
    const leaving = refuse('draining', { retryable: true });
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ slots: 50, script: leaving })),
      controller: { queueTimeoutMs: 1_000 },
    });
    const startedAt = performance.now();
    const answered = await Promise.all(Array.from({ length: 50 }, () => ask(cluster)));
    const windows = Math.floor((performance.now() - startedAt) / 10_000) + 1;
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([503]));
    const attempts = cluster.workers.reduce((sum, { requests }) => sum + requests.length, 0);
    expect(attempts).toBeLessThanOrEqual(1.2 * 50 + 30 * windows);
  });
});
