import type { ClusterView, ModelGauges, NodeGauges } from '../../src/observability/clusterView.js';
import {
  createControllerMetrics,
  type ControllerMetrics,
  type ControllerMetricsOptions,
} from '../../src/observability/metrics/controllerMetrics.js';

export const emptyClusterView: ClusterView = {
  nodes: [],
  wantedNodes: 0,
  queue: [],
  queueLimit: 512,
  retryBudget: 1,
};

/** The metrics of a controller without a cluster, as far as nothing else is said. */
export function createTestMetrics(options: Partial<ControllerMetricsOptions> = {}): ControllerMetrics {
  return createControllerMetrics({
    models: ['m'],
    nodeIds: ['worker_1'],
    keyIds: ['anonymous'],
    facts: { version: '1.2.3' },
    readCluster: () => emptyClusterView,
    ...options,
  });
}

/** A healthy node with nothing special about it. */
export function nodeGauges(fields: Partial<NodeGauges> = {}): NodeGauges {
  return {
    id: 'worker_1',
    status: 'healthy',
    state: 'ready',
    breaker: 'closed',
    activeRequests: 0,
    uptimeSeconds: 60,
    reportAgeSeconds: 0.4,
    consecutiveFailures: 0,
    lastSuccessSeconds: undefined,
    machine: { cpuCores: 2, memoryBytes: 8e9 },
    connections: { active: 0, idle: 0 },
    models: [],
    ...fields,
  };
}

export function modelGauges(fields: Partial<ModelGauges> = {}): ModelGauges {
  return {
    id: 'm',
    isLoaded: true,
    tokensPerSecond: 0,
    loadSeconds: 1.5,
    memoryBytes: 1e8,
    sizeBytes: 9e7,
    layers: { gpu: 0, cpu: 31 },
    kvCacheUsage: 0.25,
    ...fields,
  };
}
