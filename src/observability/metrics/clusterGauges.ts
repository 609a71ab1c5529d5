import { BreakerState, NodeStatus } from '../../protocol/clusterStatus.js';
import type { ClusterView, ModelGauges, NodeGauges } from '../clusterView.js';
import { clusterSpecs } from './clusterSpecs.js';
import type { LabelsOf } from './metricFamily.js';
import type { MetricSpec } from './metricSpec.js';
import { sampled, type Collector } from './metricsRegistry.js';

/** One of them is 1 for each node. */
const nodeStatuses = [...NodeStatus.options, 'draining', 'busy', 'unknown'] as const;

/** As the first agents of this kind numbered them. */
const statusCodes: Readonly<Record<(typeof nodeStatuses)[number], number>> = {
  offline: 0,
  healthy: 1,
  degraded: 1,
  draining: 1,
  busy: 2,
  unknown: 3,
};

/** Gauges of nodes, models and queues, as the live state has them; what has left the cluster leaves the metrics. */
export function clusterCollector(readCluster: () => ClusterView): Collector<ClusterView> {
  return {
    name: 'cluster',
    read: readCluster,
    gauges: [
      ...[clusterSpecs.clusterNodes, clusterSpecs.nodes].map((spec) =>
        sampled(spec, ({ nodes }: ClusterView) =>
          NodeStatus.options.map((status) => [{ status }, count(nodes, (node) => node.status === status)]),
        ),
      ),
      sampled(clusterSpecs.minHealthyNodes, ({ wantedNodes }: ClusterView) => [[{}, wantedNodes]]),
      perNode(clusterSpecs.activeRequests, (node) => node.activeRequests),
      oneOf(clusterSpecs.nodeStatus, 'status', nodeStatuses, statusOf),
      perNode(clusterSpecs.nodeStatusCode, (node) => statusCodes[statusOf(node)]),
      perNode(clusterSpecs.nodeUptime, (node) => node.uptimeSeconds),
      perNode(clusterSpecs.nodeReportAge, (node) => node.reportAgeSeconds),
      perNode(clusterSpecs.nodeCpuCores, (node) => node.machine?.cpuCores),
      perNode(clusterSpecs.nodeMemory, (node) => node.machine?.memoryBytes),
      perNode(clusterSpecs.nodeMaxLayers, mostLayers),
      perNode(clusterSpecs.nodeConsecutiveFailures, (node) => node.consecutiveFailures),
      perNode(clusterSpecs.nodeLastSuccess, (node) => node.lastSuccessSeconds),
      oneOf(clusterSpecs.breakerState, 'state', BreakerState.options, (node) => node.breaker),
      sampled(clusterSpecs.upstreamConnections, ({ nodes }: ClusterView) =>
        nodes.flatMap(({ id, connections }) =>
          (['active', 'idle'] as const).map((state) => [{ node_id: id, state }, connections[state]] as const),
        ),
      ),
      perNode(clusterSpecs.modelsLoaded, (node) => count(node.models, (model) => model.isLoaded)),
      perModel(clusterSpecs.tokensPerSecond, (model) => model.tokensPerSecond),
      perModel(clusterSpecs.modelLoadTime, (model) => model.loadSeconds),
      perModel(clusterSpecs.modelMemory, (model) => model.memoryBytes),
      perModel(clusterSpecs.modelSize, (model) => model.sizeBytes),
      sampled(clusterSpecs.modelLayers, ({ nodes }: ClusterView) =>
        pairsOf(nodes).flatMap(({ labels, model: { layers } }) =>
          layers
            ? (['gpu', 'cpu'] as const).map((device) => [{ ...labels, device }, layers[device]] as const)
            : [],
        ),
      ),
      perModel(clusterSpecs.kvCacheUsage, (model) => model.kvCacheUsage),
      sampled(clusterSpecs.queueDepth, ({ queue }: ClusterView) =>
        queue.flatMap(({ model, waiting, batch }) => [
          [{ queue: 'admission', model }, waiting - batch] as const,
          [{ queue: 'batch', model }, batch] as const,
        ]),
      ),
      sampled(clusterSpecs.queueLimit, ({ queueLimit }: ClusterView) => [[{}, queueLimit]]),
      sampled(clusterSpecs.retryBudgetRemaining, ({ retryBudget }: ClusterView) => [[{}, retryBudget]]),
    ],
  };
}

function statusOf({ state, status }: NodeGauges): (typeof nodeStatuses)[number] {
  if (state === 'joining') return 'unknown';
  return state === 'busy' || state === 'draining' ? state : status;
}

function mostLayers({ models }: NodeGauges): number | undefined {
  const layers = models.flatMap((model) => (model.layers ? model.layers.gpu + model.layers.cpu : []));
  return layers.length === 0 ? undefined : Math.max(...layers);
}

function perNode(spec: MetricSpec<'node_id', 'gauge'>, read: (node: NodeGauges) => number | undefined) {
  return sampled(spec, ({ nodes }: ClusterView) =>
    nodes.flatMap((node) => {
      const value = read(node);
      return value === undefined ? [] : [[{ node_id: node.id }, value] as const];
    }),
  );
}

function perModel(
  spec: MetricSpec<'model' | 'node_id', 'gauge'>,
  read: (model: ModelGauges) => number | undefined,
) {
  return sampled(spec, ({ nodes }: ClusterView) =>
    pairsOf(nodes).flatMap(({ labels, model }) => {
      const value = read(model);
      return value === undefined ? [] : [[labels, value] as const];
    }),
  );
}

/** One series for each state that a node can have: 1 for the one it has. */
function oneOf<Label extends 'status' | 'state'>(
  spec: MetricSpec<'node_id' | Label, 'gauge'>,
  label: Label,
  states: readonly string[],
  read: (node: NodeGauges) => string,
) {
  return sampled(spec, ({ nodes }: ClusterView) =>
    nodes.flatMap((node) =>
      states.map((state) => {
        const labels = { node_id: node.id, [label]: state } as LabelsOf<'node_id' | Label>;
        return [labels, Number(read(node) === state)] as const;
      }),
    ),
  );
}

function pairsOf(nodes: readonly NodeGauges[]) {
  return nodes.flatMap(({ id, models }) =>
    models.map((model) => ({ labels: { model: model.id, node_id: id }, model })),
  );
}

function count<T>(values: readonly T[], isCounted: (value: T) => boolean): number {
  return values.filter(isCounted).length;
}
