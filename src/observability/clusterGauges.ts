import { Gauge, type Registry } from 'prom-client';
import { BreakerState, NodeStatus } from '../protocol/clusterStatus.js';
import type { ClusterView } from './clusterView.js';

/** Gauges are read from the live state at the time of the scrape; what has left the cluster leaves the metrics. */
export function addClusterGauges(registers: Registry[], readCluster: () => ClusterView): void {
  new Gauge({
    name: 'ai_cluster_cluster_nodes_total',
    help: 'Nodes by status',
    labelNames: ['status'],
    registers,
    collect() {
      for (const status of ['healthy', 'degraded', 'offline'] as const) {
        this.set({ status }, readCluster().nodes.filter((node) => node.status === status).length);
      }
    },
  });
  new Gauge({
    name: 'ai_cluster_cluster_active_requests',
    help: 'Requests that hold a slot, by node',
    labelNames: ['node_id'],
    registers,
    collect() {
      this.reset();
      for (const node of readCluster().nodes) this.set({ node_id: node.id }, node.activeRequests);
    },
  });
  /** One series for each state that a node can have: 1 for the one it has. */
  const perState = (
    name: string,
    help: string,
    label: 'status' | 'state',
    states: readonly string[],
    read: (node: ClusterView['nodes'][number]) => string,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['node_id', label],
      registers,
      collect() {
        this.reset();
        for (const node of readCluster().nodes) {
          for (const state of states)
            this.set({ node_id: node.id, [label]: state }, Number(read(node) === state));
        }
      },
    });
  perState(
    'ai_cluster_node_status',
    'Whether the node has this status: 1 or 0',
    'status',
    NodeStatus.options,
    (node) => node.status,
  );
  perState(
    'ai_cluster_circuit_breaker_state',
    'Whether the circuit breaker of the node is in this state: 1 or 0',
    'state',
    BreakerState.options,
    (node) => node.breaker,
  );
  new Gauge({
    name: 'ai_cluster_config_min_healthy_nodes',
    help: 'Healthy nodes below which NodesDown fires: the configured and added ones that are not drained',
    registers,
    collect() {
      this.set(readCluster().wantedNodes);
    },
  });
  const perModel = (
    name: string,
    help: string,
    read: (model: ClusterView['nodes'][number]['models'][number]) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['model', 'node_id'],
      registers,
      collect() {
        this.reset();
        for (const node of readCluster().nodes) {
          for (const model of node.models) this.set({ model: model.id, node_id: node.id }, read(model));
        }
      },
    });
  perModel(
    'ai_cluster_tokens_per_second',
    'Completion tokens of the last 10 seconds, a second',
    (model) => model.tokensPerSecond,
  );
  perModel(
    'ai_cluster_model_load_time_seconds',
    'Seconds that the last load took',
    (model) => model.loadSeconds,
  );
  perModel(
    'ai_cluster_model_memory_bytes',
    'Bytes of weights and KV cache as llama.cpp accounts them',
    (model) => model.memoryBytes,
  );
  new Gauge({
    name: 'ai_cluster_queue_depth',
    help: 'Requests that wait for a slot',
    labelNames: ['model'],
    registers,
    collect() {
      this.reset();
      for (const { model, waiting } of readCluster().queue) this.set({ model }, waiting);
    },
  });
}
