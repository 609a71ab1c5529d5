import OpenAI from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { contentOf, dataOf, openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

/** A cluster in which `streams` streams run; each has its first token. */
async function startStreaming(drainTimeoutMs: number, { streams = 1, slots = 8 } = {}) {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots, script: answer(['a', 'b', 'c'], { gate, tokensBeforeGate: 1 }) }],
    controller: { drainTimeoutMs },
  });
  const open = () => openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  const running = await Promise.all(Array.from({ length: streams }, open));
  for (const stream of running) {
    await stream.next();
    expect(await stream.next()).toContain('"a"');
  }
  return { cluster, gate, running };
}

const untilDraining = (cluster: TestCluster) =>
  eventually(async () => expect((await cluster.status()).status).toBe('draining'));

it('running streams and JSON answers come to their end', async () => {
  const { cluster, gate, running } = await startStreaming(60_000, { streams: 5 });
  const json = cluster.client.chat.completions.create(params);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(6));

  const closed = cluster.close();
  await untilDraining(cluster);
  gate.open();

  for (const stream of running) {
    const frames = await stream.rest();
    expect(contentOf(frames)).toBe('bc');
    expect(frames.at(-1)).toBe('data: [DONE]');
  }
  expect((await json).choices[0]?.message.content).toBe('abc');
  await closed;
  await expect(request(`${cluster.url}/health`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('new requests are told to go elsewhere, and probes know', async () => {
  const { cluster, gate } = await startStreaming(60_000);
  const closed = cluster.close();
  await untilDraining(cluster);

  const refused = await request(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  expect(refused.statusCode).toBe(503);
  expect(refused.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
  expect(await refused.body.json()).toMatchObject({
    error: { type: 'service_unavailable_error', code: 'server_is_draining', param: null },
  });
  const thrown = await cluster.client.chat.completions.create(params).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(OpenAI.InternalServerError);

  const ready = await request(`${cluster.url}/ready`);
  expect([ready.statusCode, await ready.body.json()]).toStrictEqual([
    503,
    { ready: false, status: 'draining' },
  ]);
  expect((await request(`${cluster.url}/health`)).statusCode).toBe(200);
  expect(await cluster.metrics()).toContain('ai_cluster_cluster_active_requests{node_id="worker_1"} 1');
  expect(cluster.workers[0]?.requests).toHaveLength(1);

  gate.open();
  await closed;
});

it('a large request gets its 503 too, not a reset', async () => {
  const { cluster, gate } = await startStreaming(60_000);
  const closed = cluster.close();
  await untilDraining(cluster);

  const body = JSON.stringify({ ...params, user: 'x'.repeat(8 * 1024 * 1024) });
  for (let count = 0; count < 5; count++) {
    const refused = await request(`${cluster.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect([refused.statusCode, await refused.body.text()]).toMatchObject([503, expect.any(String)]);
  }
  gate.open();
  await closed;
});

it('what runs longer than the drain time ends with an error frame, and the worker is told', async () => {
  const { cluster, running } = await startStreaming(20, { streams: 3 });

  await cluster.close();

  for (const stream of running) {
    const frames = await stream.rest();
    expect(frames).toHaveLength(1);
    expect(dataOf(frames[0])).toMatchObject({
      error: { type: 'service_unavailable_error', code: 'server_is_draining' },
    });
  }
  await eventually(() => expect(cluster.workers[0]?.aborts).toHaveLength(3));
});

it('what still waits for a slot at the end of the drain time is answered 503', async () => {
  const { cluster, running } = await startStreaming(20, { slots: 1 });
  const waiting = request(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(1));

  const closed = cluster.close();

  expect((await waiting).statusCode).toBe(503);
  await running[0]?.rest();
  await closed;
});

it('what waits for a slot still gets one in the drain time', async () => {
  const { cluster, gate, running } = await startStreaming(60_000, { slots: 1 });
  const waiting = cluster.client.chat.completions.create(params);
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(1));

  const closed = cluster.close();
  await untilDraining(cluster);
  gate.open();

  expect((await waiting).choices[0]?.message.content).toBe('abc');
  await running[0]?.rest();
  await closed;
});

it('an idle controller closes at once, whatever connections are open', async () => {
  const cluster = await startTestCluster({ controller: { drainTimeoutMs: 60_000 } });
  await cluster.client.chat.completions.create(params);
  await cluster.close();
  await expect(request(`${cluster.url}/health`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
