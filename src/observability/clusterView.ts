import type { BreakerState, NodeStatus } from '../protocol/clusterStatus.js';

/** The live state that gauges show, read anew at every scrape. */
export interface ClusterView {
  readonly nodes: readonly {
    readonly id: string;
    readonly status: NodeStatus;
    readonly breaker: BreakerState;
    readonly activeRequests: number;
    readonly models: readonly {
      readonly id: string;
      readonly tokensPerSecond: number;
      readonly loadSeconds: number;
      readonly memoryBytes: number;
    }[];
  }[];
  /** Nodes that ought to be healthy: the expected ones that nobody drained. */
  readonly wantedNodes: number;
  readonly queue: readonly { readonly model: string; readonly waiting: number }[];
}
