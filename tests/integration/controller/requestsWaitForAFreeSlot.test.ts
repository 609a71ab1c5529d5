import OpenAI from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, refuse } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

function post({ url }: TestCluster, content = 'Hi', signal?: AbortSignal) {
  return request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...params, messages: [{ role: 'user', content }] }),
    signal: signal ?? null,
  });
}

const waiting = async (cluster: TestCluster) => (await cluster.status()).queue.waiting;

it('runs a waiting request when a slot becomes free, in the order of arrival', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 2, script: answer(['a'], { gate }) }] });
  const names = ['first', 'second', 'third', 'fourth', 'fifth'];

  const answers: ReturnType<typeof post>[] = [];
  for (const [index, name] of names.entries()) {
    answers.push(post(cluster, name));
    await eventually(async () =>
      expect((cluster.workers[0]?.requests.length ?? 0) + (await waiting(cluster))).toBe(index + 1),
    );
  }
  expect(await waiting(cluster)).toBe(3);
  expect(cluster.workers[0]?.slotsBusy()).toBe(2);

  for (let finished = 1; finished <= 3; finished++) {
    gate.open(1);
    await eventually(() => expect(cluster.workers[0]?.requests).toHaveLength(2 + finished));
  }
  gate.open();
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toStrictEqual([
    200, 200, 200, 200, 200,
  ]);
  expect(
    cluster.workers[0]?.requests.map((request) => request.kind === 'chat' && request.messages[0]?.content),
  ).toStrictEqual(names);
  expect(cluster.workers[0]?.refusals).toStrictEqual([]);
});

it('never gives a worker more requests than it has slots', async () => {
  const cluster = await startTestCluster({
    workers: [{ slots: 2 }, { slots: 3 }],
    controller: { queueLimit: 200 },
  });

  const answers = await Promise.all(Array.from({ length: 100 }, () => post(cluster)));

  expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
  const served = cluster.workers.map(({ requests }) => requests.length);
  expect((served[0] ?? 0) + (served[1] ?? 0)).toBe(100);
  expect(Math.min(...served)).toBeGreaterThan(20);
  expect(cluster.workers.flatMap(({ refusals }) => refusals)).toStrictEqual([]);
});

it('answers 503 with a time to come back when the queue is full', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queueLimit: 2 },
  });
  const accepted = [post(cluster), post(cluster), post(cluster)];
  await eventually(async () => expect(await waiting(cluster)).toBe(2));

  const refused = await post(cluster);
  expect(refused.statusCode).toBe(503);
  expect(await refused.body.json()).toMatchObject({
    error: { type: 'service_unavailable_error', code: 'server_is_overloaded', param: null },
  });
  const retryAfter = String(refused.headers['retry-after']);
  expect(retryAfter).toMatch(/^\d+$/);
  expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  expect(Number(retryAfter)).toBeLessThanOrEqual(60);

  const thrown = await cluster.client.chat.completions
    .create({ ...params, stream: true })
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(OpenAI.InternalServerError);
  expect(thrown).toMatchObject({ status: 503, code: 'server_is_overloaded' });

  gate.open();
  for (const { statusCode } of await Promise.all(accepted)) expect(statusCode).toBe(200);
});

it('is tried again by the official client until there is room', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queueLimit: 0 },
  });
  const first = post(cluster);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

  const client = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'unused', maxRetries: 2 });
  const second = client.chat.completions.create(params);
  await eventually(() => expect(cluster.log.entries().some(({ status }) => status === 503)).toBe(true));
  gate.open();

  expect((await first).statusCode).toBe(200);
  expect((await second).choices[0]?.message.content).toBe('a');
});

it('answers 504 when no slot became free in time', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queueTimeoutMs: 50 },
  });
  const first = post(cluster);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

  const late = await post(cluster);
  expect(late.statusCode).toBe(504);
  expect(await late.body.json()).toMatchObject({
    error: { type: 'server_error', code: 'timeout', param: null },
  });
  expect(await waiting(cluster)).toBe(0);

  const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  expect(stream.status).toBe(504);
  await stream.rest();

  gate.open();
  expect((await first).statusCode).toBe(200);
});

it('lets a client leave the queue without costing a slot', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a'], { gate }) }] });
  const first = post(cluster, 'first');
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

  const leaving = new AbortController();
  const left = post(cluster, 'left', leaving.signal).catch(() => 'left');
  await eventually(async () => expect(await waiting(cluster)).toBe(1));
  const last = post(cluster, 'last');
  await eventually(async () => expect(await waiting(cluster)).toBe(2));

  leaving.abort();
  expect(await left).toBe('left');
  await eventually(async () => expect(await waiting(cluster)).toBe(1));

  gate.open();
  await Promise.all([first, last]);
  expect(
    cluster.workers[0]?.requests.map((request) => request.kind === 'chat' && request.messages[0]?.content),
  ).toStrictEqual(['first', 'last']);
  await eventually(() =>
    expect(cluster.log.entries().find(({ status }) => status === 499)).toMatchObject({
      outcome: 'cancelled',
    }),
  );
});

it('waits for a worker that has yet to come', async () => {
  const cluster = await startTestCluster({ controller: { models: ['test-model'] } });
  const [worker] = cluster.workers;
  await worker?.leave();
  await eventually(async () => expect((await cluster.status()).nodes[0]?.state).toBe('lost'));

  const answered = post(cluster);
  await eventually(async () => expect(await waiting(cluster)).toBe(1));
  worker?.join(cluster.url);

  expect((await answered).statusCode).toBe(200);
});

it('keeps the models apart: a full one does not hold up another', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [
      { slots: 1, models: ['full'], script: answer(['a'], { gate }) },
      { slots: 1, models: ['free'] },
    ],
    controller: { models: ['full', 'free'] },
  });
  const create = (model: string) => cluster.client.chat.completions.create({ ...params, model });
  const held = [create('full'), create('full')];
  await eventually(async () => expect(await waiting(cluster)).toBe(1));

  expect((await create('free')).choices[0]?.message.content).toBe('Hello world');

  gate.open();
  await Promise.all(held);
});

it('keeps its turn when the worker says that the slot is not free yet', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queueLimit: 1 },
  });
  const [worker] = cluster.workers;
  worker?.answerNext(refuse('no_free_slot', { retryable: true }));

  const first = post(cluster, 'first');
  const second = post(cluster, 'second');
  gate.open();

  expect((await first).statusCode).toBe(200);
  expect((await second).statusCode).toBe(200);
  expect(
    worker?.requests.map((request) => request.kind === 'chat' && request.messages[0]?.content),
  ).toStrictEqual(['first', 'first', 'second']);
});
