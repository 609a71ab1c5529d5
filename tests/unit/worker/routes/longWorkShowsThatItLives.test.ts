import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import winston from 'winston';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { EmbedResponse } from '../../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../../src/protocol/generateRequest.js';
import { internalPaths } from '../../../../src/protocol/workerApi.js';
import { createWorkerMetrics } from '../../../../src/observability/metrics/workerMetrics.js';
import { createWorkerApp } from '../../../../src/worker/app.js';
import { createCountCalls } from '../../../../src/worker/routes/countCalls.js';
import { RefusedError } from '../../../../src/worker/refusedError.js';
import type { WorkerModel } from '../../../../src/worker/workerModel.js';
import { clusterAuthorization, testClusterToken } from '../../../support/clusterToken.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

/** A worker whose embeddings come when the test says so. */
async function setUp() {
  let resolve: (answer: EmbedResponse) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const work = new Promise<EmbedResponse>((...settle) => ([resolve, reject] = settle));
  let isRunning = false;
  const model = {
    kind: 'embedding',
    pooling: { embed: () => ((isRunning = true), work) },
  } as unknown as WorkerModel;
  const metrics = createWorkerMetrics({ facts: { version: '1.2.3' }, readModels: () => [] });
  const app = createWorkerApp({
    nodeId: 'worker_1',
    clusterToken: testClusterToken,
    metrics,
    tellsMetrics: true,
    countCalls: createCountCalls(metrics.wrap),
    logger: winston.createLogger({ silent: true }),
    modelOf: () => model,
    report: () => ({ phase: 'ready', uptimeSeconds: 1, models: [] }),
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const signs: number[] = [];
  const sent = request({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    path: internalPaths.embed,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...clusterAuthorization },
  });
  sent.on('information', ({ statusCode }) => void signs.push(statusCode));
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(JSON.stringify({ model: 'm', principal: anonymousPrincipal, inputs: ['a'], dimensions: null }));
  await expect.poll(() => isRunning).toBe(true);
  return { resolve, reject, signs, answered, close: () => server.close() };
}

it.each([
  [
    'an answer',
    200,
    ({ resolve }: Awaited<ReturnType<typeof setUp>>) => resolve({ embeddings: ['AAAA'], promptTokens: 1 }),
  ],
  [
    'a refusal',
    400,
    ({ reject }: Awaited<ReturnType<typeof setUp>>) => reject(new RefusedError('invalid_request', 'no')),
  ],
])('every second until there is %s, which has its own status', async (_what, status, settle) => {
  const worker = await setUp();
  vi.advanceTimersByTime(3_500);
  await expect.poll(() => worker.signs).toEqual([102, 102, 102]);
  settle(worker);
  const [response] = await worker.answered;
  expect(response.statusCode).toBe(status);
  vi.advanceTimersByTime(10_000);
  response.resume();
  await once(response, 'end');
  expect(worker.signs).toHaveLength(3);
  worker.close();
});
