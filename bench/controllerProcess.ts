import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startController } from '../src/controller/startController.js';
import { createLogger } from '../src/observability/logger.js';
import { workload, type BenchMessage } from './workload.js';

/** The controller as the supervisor runs it: its log goes to stdout as JSON lines. */
const controller = await startController({
  dataDir: mkdtempSync(path.join(tmpdir(), 'ai-cluster-bench-')),
  host: '127.0.0.1',
  port: 0,
  models: [workload.model],
  nodeIds: ['worker_1'],
  queueLimit: 512,
  queueTimeoutMs: 10_000,
  drainTimeoutMs: 0,
  isAllowedWorkerHost: () => true,
  version: 'bench',
  logger: createLogger({ output: 'json', process: 'controller' }),
});

process.on('message', (message: BenchMessage) => {
  if (message.type !== 'readCpu') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ type: 'cpu', microseconds: user + system } satisfies BenchMessage);
});
process.on('disconnect', () => process.exit());
process.send?.({ type: 'listening', url: controller.url } satisfies BenchMessage);
