import { createControllerMetrics } from './controllerMetrics.js';
import type { MetricSpec } from './metricSpec.js';
import { createWorkerMetrics } from './workerMetrics.js';

export interface OwnedSpec {
  readonly owner: 'controller' | 'worker';
  readonly spec: MetricSpec;
}

/** Every metric of every role, for the document and the tests of rules and dashboards. */
export function listMetrics(): OwnedSpec[] {
  const facts = { version: '' };
  const controller = createControllerMetrics({
    models: [],
    nodeIds: [],
    keyIds: [],
    facts,
    readCluster: () => ({ nodes: [], wantedNodes: 0, queue: [], queueLimit: 0, retryBudget: 1 }),
  });
  const worker = createWorkerMetrics({ facts, readModels: () => [], readMachine: () => noLoad });
  return [
    ...controller.registry.specs().map((spec) => ({ owner: 'controller', spec }) as const),
    ...worker.registry.specs().map((spec) => ({ owner: 'worker', spec }) as const),
  ];
}

const noLoad = { memoryUsedBytes: 0, cpuSeconds: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
