import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Script } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, stall } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
/** For a busy machine. A time-out of the product frees no slot meanwhile: the request would be tried again. */
const patience = { timeout: 25_000, interval: 20 };
vi.setConfig({ testTimeout: 120_000 });

/** The slot is free, for the controller and for the worker, which was told. */
async function expectFreeAgain(cluster: TestCluster, aborted: number): Promise<void> {
  await eventually(async () => {
    const { nodes } = await cluster.status();
    expect(nodes[0]).toMatchObject({ activeRequests: 0, slots: { busy: 0 } });
    expect(cluster.workers[0]?.slotsBusy()).toBe(0);
    expect(cluster.workers[0]?.aborts).toHaveLength(aborted);
  }, patience);
}

it('in the middle of a stream', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a', 'b'], { gate }) }] });
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  gate.open(1);
  await stream.next();
  expect(await stream.next()).toContain('"a"');
  expect((await cluster.status()).nodes[0]).toMatchObject({ activeRequests: 1, state: 'busy' });

  stream.leave();

  await expectFreeAgain(cluster, 1);
  gate.open();
  expect((await cluster.client.chat.completions.create(params)).choices[0]?.message.content).toBe('ab');
});

it('by breaking out of the loop of the official client', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a', 'b'], { gate }) }] });
  gate.open(1);

  for await (const chunk of await cluster.client.chat.completions.create({ ...params, stream: true })) {
    if (chunk.choices[0]?.delta.content === 'a') break;
  }

  await expectFreeAgain(cluster, 1);
});

it('while a JSON answer is made', async () => {
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate: createTokenGate() }) }],
  });
  const leaving = new AbortController();
  const left = cluster.client.chat.completions
    .create(params, { signal: leaving.signal })
    .catch((error: unknown) => error);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1), patience);

  leaving.abort();

  await left;
  await expectFreeAgain(cluster, 1);
});

it('before the worker has said a word', async () => {
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: stall }] });
  const leaving = new AbortController();
  const left = cluster.client.chat.completions
    .create({ ...params, stream: true }, { signal: leaving.signal })
    .catch((error: unknown) => error);
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1), patience);

  leaving.abort();

  await left;
  await expectFreeAgain(cluster, 1);
});

it('with a TCP reset', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a', 'b'], { gate }) }] });
  const { hostname, port } = new URL(cluster.url);
  const body = JSON.stringify({ ...params, stream: true });
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1), patience);

  socket.resetAndDestroy();

  await expectFreeAgain(cluster, 1);
});

/** Works on something for ever, and says so: silence would be taken for the end of the worker. */
const showLife: Script = async ({ send, signal }) => {
  await send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
  while (!signal.aborted) {
    await send({ type: 'progress', phase: 'prefill', tokensDone: 1 });
    await delay(1_000, undefined, { signal }).catch(() => undefined);
  }
};

it('all 200 at once, with most of them in the queue', async () => {
  const cluster = await startTestCluster({
    workers: [{ slots: 50, script: showLife }],
    controller: { queueLimit: 200, queueTimeoutMs: 600_000 },
  });
  const clients = Array.from({ length: 200 }, () => new AbortController());
  const left = clients.map(({ signal }, index) =>
    cluster.client.chat.completions
      .create(index % 2 ? params : { ...params, stream: true }, { signal })
      .catch(() => undefined),
  );
  await eventually(
    async () => {
      expect(cluster.workers[0]?.slotsBusy()).toBe(50);
      expect((await cluster.status()).queue.waiting).toBe(150);
    },
    { timeout: 60_000, interval: 100 },
  );

  for (const client of clients) client.abort();
  await Promise.all(left);

  await expectFreeAgain(cluster, 50);
  expect((await cluster.status()).queue.waiting).toBe(0);
  expect(cluster.workers[0]?.requests).toHaveLength(50);
});

it('is no failure: nothing is tried again, no error is logged, the node stays healthy', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({ workers: [{ slots: 1, script: answer(['a', 'b'], { gate }) }] });
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  await stream.next();

  stream.leave();
  await expectFreeAgain(cluster, 1);

  // On a busy machine a heartbeat may be late, which is another matter.
  await eventually(async () => expect((await cluster.status()).nodes[0]?.state).toBe('ready'), patience);
  expect(cluster.workers[0]?.requests).toHaveLength(1);
  const worries = cluster.log
    .entries()
    .filter(({ level, message }) => !['debug', 'info'].includes(String(level)) && message !== 'node state');
  expect(worries).toEqual([]);
  await eventually(() =>
    expect(cluster.log.entries().find(({ message }) => message === 'request')).toMatchObject({
      outcome: 'cancelled',
      attempts: 1,
    }),
  );
});
