import { request } from 'undici';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { dataOf, openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const body = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] };
const deadline = 'x-request-timeout-ms';

async function post({ url }: TestCluster, headers: Record<string, string> = {}, fields: object = {}) {
  const answered = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...body, ...fields }),
  });
  return {
    status: answered.statusCode,
    headers: answered.headers,
    error: ((await answered.body.json()) as { error?: Record<string, unknown> }).error,
  };
}

const waiting = async (cluster: TestCluster) => (await cluster.status()).queue.waiting;

it('a request whose time is over while it waits never reaches a worker', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a'], { gate }) }] });
  const first = post(cluster);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));

  const late = await post(cluster, { [deadline]: '100' });
  expect(late).toMatchObject({ status: 504, error: { type: 'server_error', code: 'timeout', param: null } });
  expect(late.headers['x-should-retry']).toBe('false');
  expect(await waiting(cluster)).toBe(0);

  gate.open();
  expect((await first).status).toBe(200);
  expect(cluster.workers[0]?.requests).toHaveLength(1);
  expect(await cluster.metrics()).toContain('ai_cluster_queue_rejected_total{reason="deadline"} 1');
});

it('a request that runs takes the time that is left along, and ends when it is over', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ script: answer(['a', 'b'], { gate, tokensBeforeGate: 1 }) }],
  });
  expect(await post(cluster, { [deadline]: '2000' })).toMatchObject({
    status: 504,
    error: { code: 'timeout' },
  });
  const left = cluster.workers[0]?.requests[0]?.deadlineMs ?? 0;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(2_000);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(0));
});

it('a stream that has begun ends with one error', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: answer(['a', 'b'], { gate: createTokenGate(), tokensBeforeGate: 1 }) }],
    controller: { requestTimeoutMs: 700 },
  });
  // Without a header the longest time is the deadline.
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...body, stream: true });
  const frames = await stream.rest();
  expect(dataOf(frames.at(-1))).toMatchObject({ error: { code: 'timeout' } });
  expect(frames.filter((frame) => frame.includes('"error"'))).toHaveLength(1);
});

it.each(['', '0', '-5', '1.5', 'soon', '1e3', '3600001', '99999999999'])(
  'nonsense as a time (%j) is a mistake of the client',
  async (value) => {
    const cluster = await startTestCluster();
    const { status, error } = await post(cluster, { [deadline]: value });
    expect({ status, error }).toMatchObject({
      status: 400,
      error: { param: deadline, code: 'invalid_value' },
    });
    expect(error?.['message']).toContain('1 to 3600000');
  },
);

it('who is turned away is told where it would have stood', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queueLimit: 2 },
  });
  const accepted = [post(cluster), post(cluster), post(cluster)];
  await eventually(async () => expect(await waiting(cluster)).toBe(2));

  const refused = await post(cluster);
  expect(refused.status).toBe(503);
  expect(refused.headers).toMatchObject({
    'x-queue-position': '3',
    'x-queue-predicted-start-ms': expect.stringMatching(/^\d+$/) as string,
    'retry-after': expect.stringMatching(/^\d+$/) as string,
  });
  expect(refused.error?.['message']).toContain('number 3');
  const { queue } = await cluster.status();
  expect(queue.models).toMatchObject([{ model: 'test-model', waiting: 2 }]);
  expect(queue.models[0]?.promptBytes).toBeGreaterThan(0);
  expect(queue.models[0]?.oldestWaitMs).toBeGreaterThan(0);

  gate.open();
  for (const { status } of await Promise.all(accepted)) expect(status).toBe(200);
});

it('prompts that are too large together are turned away, and small ones are not', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { queuePromptBytes: 1_000 },
  });
  const messages = [{ role: 'user', content: 'x'.repeat(700) }];
  const accepted = [post(cluster), post(cluster, {}, { messages })];
  await eventually(async () => expect(await waiting(cluster)).toBe(1));
  expect(await post(cluster, {}, { messages })).toMatchObject({ status: 503 });
  accepted.push(post(cluster));
  await eventually(async () => expect(await waiting(cluster)).toBe(2));
  gate.open();
  for (const { status } of await Promise.all(accepted)) expect(status).toBe(200);
});

it('who waits while the controller stops is counted, as is who comes then', async () => {
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate: createTokenGate() }) }],
    controller: { drainTimeoutMs: 300 },
  });
  const waiters = [post(cluster), post(cluster)];
  await eventually(async () => expect(await waiting(cluster)).toBe(1));
  const closing = cluster.close();
  const { status, error } = await post(cluster);
  expect({ status, error }).toMatchObject({ status: 503, error: { code: 'server_is_draining' } });
  // The one that runs and the one that waits.
  const metrics = cluster.metrics().catch(() => '');
  expect((await Promise.all(waiters)).map((answered) => answered.status)).toEqual([503, 503]);
  expect(await metrics).toContain('ai_cluster_queue_rejected_total{reason="draining"} 1');
  await closing;
});
