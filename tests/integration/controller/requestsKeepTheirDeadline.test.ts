import { request } from 'undici';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { answer, resetAtOnce, stall } from '../../support/workerScripts.js';
import { createTokenGate } from '../../support/tokenGate.js';

async function ask(cluster: TestCluster, timeout: string | undefined, body: object = {}) {
  const answered = await request(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(timeout !== undefined && { 'x-request-timeout-ms': timeout }),
    },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'Hi' }], ...body }),
  });
  return { status: answered.statusCode, text: await answered.body.text() };
}

it('a worker is told how much time is left', async () => {
  const { workers, ...cluster } = await startTestCluster();
  expect((await ask({ workers, ...cluster }, '60000')).status).toBe(200);
  expect(workers[0]?.requests[0]?.deadlineMs).toBeGreaterThan(1_000);
  expect(workers[0]?.requests[0]?.deadlineMs).toBeLessThanOrEqual(60_000);
});

it('a request that no worker finishes in time is a 504, and frees its slot', async () => {
  const cluster = await startTestCluster({ workers: [{ script: stall }] });
  const { status, text } = await ask(cluster, '100');
  expect(status).toBe(504);
  expect(JSON.parse(text)).toMatchObject({ error: { type: 'server_error', code: 'timeout' } });
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(0));
  expect(cluster.log.text()).not.toContain('attempt failed');
});

it('a request that did not ask for a time is told of the longest one', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: stall }],
    controller: { requestTimeoutMs: 100 },
  });
  const { status, text } = await ask(cluster, undefined);
  expect(status).toBe(504);
  expect(JSON.parse(text)).toMatchObject({
    error: { message: 'The request was not finished in 0.1 s, the longest time that this server gives one.' },
  });
});

it('a stream that has begun ends with one error frame', async () => {
  const gate = createTokenGate();
  gate.open(1);
  const cluster = await startTestCluster({ workers: [{ script: answer(['a', 'b'], { gate }) }] });
  const { status, text } = await ask(cluster, '1000', { stream: true });
  expect(status).toBe(200);
  expect(text).toContain('"a"');
  expect(text.match(/"error"/g)).toHaveLength(1);
  expect(text).not.toContain('[DONE]');
});

it('a request that waits for a slot does so no longer than that', async () => {
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: stall }] });
  const running = ask(cluster, '3000');
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));
  expect((await ask(cluster, '100')).status).toBe(504);
  expect(cluster.workers[0]?.requests).toHaveLength(1);
  expect((await running).status).toBe(504);
});

it('tries and waits have one deadline together', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: resetAtOnce }],
    controller: { queueTimeoutMs: 300 },
  });
  await cluster.workers[0]?.leave();
  const startedAt = performance.now();
  const { status } = await ask(cluster, '60000');
  expect(status).toBeGreaterThanOrEqual(502);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

it.each(['0', '-1', 'soon', '1.5', '99999999999'])('%s is no time', async (timeout) => {
  const cluster = await startTestCluster();
  const { status, text } = await ask(cluster, timeout);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'invalid_value', param: 'x-request-timeout-ms' } });
});
