import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { InferenceRecord } from '../../../src/observability/events/inferenceRecord.js';
import type { Logger } from '../../../src/observability/logger.js';
import type { TracedRequest } from '../../../src/observability/tracing/requestSpans.js';
import { maxWaitingSpans, startTracer } from '../../../src/observability/tracing/tracer.js';
import { eventually } from '../../support/eventually.js';
import { startTraceCollector } from '../../support/traceCollector.js';

function createLog() {
  const lines: { level: string; message: string; reason?: string }[] = [];
  const at = (level: string) => (message: string, meta: object) =>
    void lines.push({ level, message, ...meta });
  const logger = { error: at('error'), warn: at('warn'), info: at('info') } as unknown as Logger;
  return { lines, logger };
}

/** Has one span. */
function request(model = 'm'): TracedRequest {
  const endedAt = performance.now();
  const inference = { model, outcome: 'success', finishReasons: [], choices: [] };
  return {
    requestId: 'req_1',
    path: '/v1/chat/completions',
    status: 200,
    endedAt,
    durationMs: 1,
    inference: inference as unknown as InferenceRecord,
  };
}

async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer({ allowHalfOpen: true }, onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('by answering and leaving before they have read what is sent', async () => {
  const uncaught = vi.fn();
  process.on('uncaughtException', uncaught);
  onTestFinished(() => void process.off('uncaughtException', uncaught));
  let resets = 0;
  const endpoint = await listen((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.pause();
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      setTimeout(() => {
        socket.resetAndDestroy();
        resets++;
      }, 20);
    });
  });
  const { logger, lines } = createLog();
  const tracer = await startTracer({ endpoint, version: '1', logger });
  // Larger than the buffers between the two, as the way to a collector far away is longer than they are.
  for (let count = 0; count < 1_500; count++) tracer.requestEnded(request('m'.repeat(50_000)));
  await eventually(() => expect(resets).toBeGreaterThanOrEqual(2));
  await tracer.close();

  expect(uncaught).not.toHaveBeenCalled();
  expect(lines[0]).toMatchObject({ level: 'error', message: 'traces cannot be sent' });
});

it('by being slow: at the end everything that waits is sent', async () => {
  const collector = await startTraceCollector();
  onTestFinished(collector.close);
  collector.delayMs = 100;
  const { logger, lines } = createLog();
  const tracer = await startTracer({ endpoint: collector.endpoint, version: '1', logger });
  for (let count = 0; count < maxWaitingSpans; count++) tracer.requestEnded(request());
  await tracer.close();

  expect(collector.spans).toHaveLength(maxWaitingSpans);
  expect(lines).toEqual([]);
});

it('by being too slow: what does not fit is dropped, and the log says so', async () => {
  const collector = await startTraceCollector();
  onTestFinished(collector.close);
  const { logger, lines } = createLog();
  const tracer = await startTracer({ endpoint: collector.endpoint, version: '1', logger });
  for (let count = 0; count < maxWaitingSpans + 1_000; count++) tracer.requestEnded(request());
  await eventually(() => {
    tracer.requestEnded(request());
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', message: 'traces may be lost' }));
  });
  await tracer.close();

  expect(lines.find(({ message }) => message === 'traces may be lost')?.reason).toMatch(/\d+ spans/);
});

it('by failing for a while: the log says when that begins and when it is over', async () => {
  const collector = await startTraceCollector();
  onTestFinished(collector.close);
  const { logger, lines } = createLog();
  const tracer = await startTracer({ endpoint: collector.endpoint, version: '1', logger });
  /** As many as are sent at once. */
  const sendBatch = () => {
    for (let count = 0; count < 512; count++) tracer.requestEnded(request());
  };
  for (const status of [400, 403, 200, 200]) {
    const callsBefore = collector.headers.length;
    collector.status = status;
    sendBatch();
    await eventually(() => expect(collector.headers.length).toBeGreaterThan(callsBefore));
    await eventually(() => expect(lines).toHaveLength(status === 200 ? 2 : 1));
  }
  await tracer.close();

  expect(lines).toMatchObject([
    { level: 'error', message: 'traces cannot be sent', reason: expect.stringContaining('400') as string },
    { level: 'info', message: 'traces are sent again' },
  ]);
});
