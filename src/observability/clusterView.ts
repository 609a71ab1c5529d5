import type { BreakerState, NodeState, NodeStatus } from '../protocol/clusterStatus.js';

/** The live state that gauges show, read anew at every scrape. */
export interface ClusterView {
  readonly nodes: readonly NodeGauges[];
  /** Nodes that ought to be healthy: the expected ones that nobody drained. */
  readonly wantedNodes: number;
  /** `batch` are those of `waiting` that are batch work. */
  readonly queue: readonly { readonly model: string; readonly waiting: number; readonly batch: number }[];
  /** Requests that may wait for each model. */
  readonly queueLimit: number;
  /** The share of the retry budget that is left. */
  readonly retryBudget: number;
}

/** What gauges show of one node; what it has not said yet is undefined, and has no series. */
export interface NodeGauges {
  readonly id: string;
  readonly status: NodeStatus;
  readonly state: NodeState;
  readonly breaker: BreakerState;
  readonly activeRequests: number;
  readonly uptimeSeconds: number;
  readonly reportAgeSeconds: number | undefined;
  readonly consecutiveFailures: number;
  /** Since 1970. */
  readonly lastSuccessSeconds: number | undefined;
  readonly machine: { readonly cpuCores: number; readonly memoryBytes: number } | undefined;
  readonly connections: { readonly active: number; readonly idle: number };
  readonly models: readonly ModelGauges[];
}

/** Zero where the node has not loaded the model. */
export interface ModelGauges {
  readonly id: string;
  readonly isLoaded: boolean;
  readonly tokensPerSecond: number;
  readonly loadSeconds: number;
  readonly memoryBytes: number;
  readonly sizeBytes: number | undefined;
  readonly layers: { readonly gpu: number; readonly cpu: number } | undefined;
  readonly kvCacheUsage: number | undefined;
}
