import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import OpenAI from 'openai';
import { request } from 'undici';
import { afterAll, expect, onTestFinished } from 'vitest';
import winston from 'winston';
import type { ControllerOptions } from '../../src/controller/controllerOptions.js';
import { startController } from '../../src/controller/startController.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { eventually } from './eventually.js';
import { startFakeWorker, type FakeWorker, type FakeWorkerOptions } from './fakeWorker.js';
import { testAdminToken } from './adminToken.js';
import { testClusterToken } from './clusterToken.js';

export interface LogCapture {
  readonly logger: winston.Logger;
  /** All lines so far, as they would stand in a file. */
  text(): string;
  entries(): Record<string, unknown>[];
}

/** A logger of the real kind that keeps its JSON lines in memory. */
export function captureLog(): LogCapture {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      text += chunk.toString();
      callback();
    },
  });
  const logger = winston.createLogger({
    level: 'debug',
    format: winston.format.json(),
    transports: [new winston.transports.Stream({ stream })],
  });
  const parse = (line: string) => JSON.parse(line) as Record<string, unknown>;
  return { logger, text: () => text, entries: () => text.split('\n').filter(Boolean).map(parse) };
}

const dataRoot = mkdtempSync(path.join(tmpdir(), 'ai-cluster-controllers-'));
// Registered before the hooks of a test file, it runs behind them; a worker process of vitest is killed without an exit.
afterAll(() => rmSync(dataRoot, { recursive: true, force: true }));

export const testControllerOptions = {
  /** Another one each time it is read. */
  get dataDir(): string {
    return mkdtempSync(path.join(dataRoot, 'data-'));
  },
  host: '127.0.0.1',
  port: 0,
  models: ['test-model'],
  nodeIds: ['worker_1'],
  queueLimit: 16,
  queueTimeoutMs: 10_000,
  drainTimeoutMs: 10,
  clusterToken: testClusterToken,
  adminToken: testAdminToken,
  scrapesPerSecond: 10_000,
  version: '1.2.3',
} satisfies Partial<ControllerOptions>;

export interface TestClusterOptions {
  /** One fake worker each, named `worker_1`, `worker_2`, … */
  readonly workers?: readonly FakeWorkerOptions[];
  readonly controller?: Partial<ControllerOptions>;
}

export interface TestCluster {
  readonly url: string;
  readonly workers: readonly FakeWorker[];
  readonly log: LogCapture;
  /** The official client, without retries of its own. */
  readonly client: OpenAI;
  status(): Promise<ClusterStatus>;
  /** As a supervisor tells it. */
  workerKilled(nodeId: string): Promise<void>;
  metrics(): Promise<string>;
  /** Closes the controller; a second call returns the first's promise. */
  close(): Promise<void>;
}

/** A controller and fake workers that have joined it, closed when the test ends. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const workerOptions = options.workers ?? [{}];
  const workers = await Promise.all(
    workerOptions.map((worker, index) => startFakeWorker({ nodeId: `worker_${index + 1}`, ...worker })),
  );
  const log = captureLog();
  const controller = await startController({
    ...testControllerOptions,
    nodeIds: workers.map(({ nodeId }) => nodeId),
    logger: log.logger,
    ...options.controller,
  });
  const { url } = controller;

  let closing: Promise<void> | undefined;
  const close = () => (closing ??= controller.close());
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await close();
  });

  const cluster: TestCluster = {
    url,
    workers,
    log,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
    status: async () => ClusterStatus.parse(await (await request(`${url}/cluster/status`)).body.json()),
    workerKilled: async (nodeId) => {
      const node = (await cluster.status()).nodes.find(({ id }) => id === nodeId);
      controller.workerKilled(nodeId, node?.pid ?? NaN);
    },
    metrics: async () => (await request(`${url}/metrics`)).body.text(),
    close,
  };
  for (const worker of workers) worker.join(url);
  await eventually(async () => {
    const healthy = (await cluster.status()).nodes.filter(({ status }) => status === 'healthy');
    expect(healthy).toHaveLength(workers.length);
  });
  return cluster;
}
