import { connect, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Script } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { answer, tokenIdOf } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }], stream: true };
/** 50 MB go through several times, which takes a busy machine a while. */
const patience = { timeout: 60_000 };
vi.setConfig({ testTimeout: 120_000 });
const deltaBytes = 256 * 1024;
const tokenCount = 200;

/** Streams 50 MB as fast as the controller reads them, and counts. */
function flood(sent: { tokens: number }): Script {
  return async (call) => {
    await call.send({ type: 'accepted', promptTokens: 1, cachedTokens: 0 });
    for (let index = 0; index < tokenCount && !call.signal.aborted; index++) {
      await call.send({
        type: 'output',
        choice: 0,
        tokenIds: [tokenIdOf(index)],
        deltas: [{ type: 'text', delta: 'x'.repeat(deltaBytes) }],
      });
      sent.tokens++;
    }
    const usage = { promptTokens: 1, completionTokens: tokenCount, reasoningTokens: 0, cachedTokens: 0 };
    const timings = { prefillMs: 1, decodeMs: 1 };
    await call.send({ type: 'done', deltas: [], finishReason: 'stop', usage, timings });
  };
}

/** A client that sends a request and reads nothing. */
function sendWithoutReading(url: string): Socket {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify(params);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

it('pauses its worker, while others stream on, and gets everything in the end', async () => {
  const { url, workers } = await startTestCluster({
    workers: [{ script: answer(['a', 'b', 'c']) }],
    // However long the other stream takes, this one is not cut meanwhile.
    controller: { streamTimings: { stallTimeoutMs: 600_000 } },
  });
  const slow = { tokens: 0 };
  const fast = { tokens: 0 };
  workers[0]?.answerNext(flood(slow));
  const socket = sendWithoutReading(url);
  await eventually(() => expect(slow.tokens).toBeGreaterThan(0), patience);

  workers[0]?.answerNext(flood(fast));
  const stream = await openSse(`${url}/v1/chat/completions`, params);
  expect(await stream.rest()).toHaveLength(tokenCount + 3);
  expect(fast.tokens).toBe(tokenCount);
  expect(slow.tokens).toBeLessThan(tokenCount);

  let received = 0;
  let tail = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    tail = (tail + chunk.toString()).slice(-100);
  });
  socket.resume();
  await eventually(() => expect(socket.readableEnded).toBe(true), patience);
  expect(received).toBeGreaterThan(tokenCount * deltaBytes);
  expect(tail).toContain('data: [DONE]');
  expect(slow.tokens).toBe(tokenCount);
});

it('costs the controller only what fits into its buffers', async () => {
  const { url, workers } = await startTestCluster({ workers: [{ slots: 20 }] });
  const counts = Array.from({ length: 10 }, () => ({ tokens: 0 }));
  workers[0]?.answerNext(...counts.map(flood));
  const sockets = counts.map(() => sendWithoutReading(url));
  await eventually(() => expect(counts.every(({ tokens }) => tokens > 0)).toBe(true), patience);

  const other = await openSse(`${url}/v1/chat/completions`, params);
  expect(await other.rest()).toHaveLength(7);

  const total = () => counts.reduce((sum, { tokens }) => sum + tokens, 0);
  let before = -1;
  await eventually(
    () => {
      const now = total();
      const hasStopped = now === before;
      before = now;
      expect(hasStopped).toBe(true);
    },
    { interval: 100, ...patience },
  );
  expect((total() * deltaBytes) / counts.length).toBeLessThan(16 * 1024 * 1024);
  for (const socket of sockets) socket.destroy();
  await eventually(() => expect(workers[0]?.slotsBusy()).toBe(0), patience);
});

it('is cut when it takes nothing for too long, and its slot is free again', async () => {
  const { url, workers } = await startTestCluster({ controller: { streamTimings: { stallTimeoutMs: 100 } } });
  workers[0]?.answerNext(flood({ tokens: 0 }));
  const socket = sendWithoutReading(url);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  // Its slot may have been busy for no longer than a moment.
  await eventually(() => {
    expect(workers[0]?.requests).toHaveLength(1);
    expect(workers[0]?.slotsBusy()).toBe(0);
  }, patience);
  socket.on('error', () => undefined).resume();
  await ended;
});
