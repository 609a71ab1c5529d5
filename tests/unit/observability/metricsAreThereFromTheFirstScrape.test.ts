import type { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { ClusterView } from '../../../src/observability/clusterView.js';
import {
  createControllerMetrics,
  createWorkerMetrics,
  initializeRoute,
  listMetricNames,
  outcomes,
  removeSeriesOf,
} from '../../../src/observability/metrics.js';
import type { ModelReport } from '../../../src/protocol/workerApi.js';

const emptyView: ClusterView = { nodes: [], wantedNodes: 2, queue: [] };

function createMetrics(readCluster: () => ClusterView = () => emptyView) {
  return createControllerMetrics({
    models: ['m', 'x'],
    nodeIds: ['worker_1', 'worker_2'],
    keyIds: ['anonymous'],
    readCluster,
  });
}

/** The samples of one family as they stand in a scrape, by their labels. */
async function scrape(registry: Registry, name: string): Promise<Record<string, number>> {
  const text = await registry.metrics();
  const samples = text
    .split('\n')
    .flatMap((line) => /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line)?.slice(1, 4) ?? [])
    .reduce<string[][]>((rows, part, index) => {
      if (index % 3 === 0) rows.push([]);
      rows.at(-1)?.push(part);
      return rows;
    }, []);
  return Object.fromEntries(
    samples
      .filter(([sample]) => sample === name)
      .map(([, labels, value]) => [(labels ?? '').replaceAll('"', ''), Number(value)]),
  );
}

const whereOne = (series: Record<string, number>) =>
  Object.keys(series).filter((labels) => series[labels] === 1);

describe('the metrics of a controller', () => {
  it('have every outcome of every model and key as zero', async () => {
    const { registry } = createMetrics();
    const perModel = Object.fromEntries(
      ['m', 'x'].flatMap((model) => outcomes.map((status) => [`model=${model},status=${status}`, 0])),
    );
    expect(await scrape(registry, 'ai_cluster_inference_requests_total')).toEqual(perModel);
    expect(await scrape(registry, 'ai_cluster_streaming_requests_total')).toEqual(perModel);
    expect(await scrape(registry, 'ai_cluster_api_key_requests_total')).toEqual(
      Object.fromEntries(outcomes.map((status) => [`key_id=anonymous,status=${status}`, 0])),
    );
    expect(await scrape(registry, 'ai_cluster_api_key_rate_limit_hits_total')).toEqual({
      'key_id=anonymous': 0,
    });
    expect(await scrape(registry, 'ai_cluster_tokens_generated_total')).toEqual({
      'model=m,type=prompt': 0,
      'model=m,type=completion': 0,
      'model=x,type=prompt': 0,
      'model=x,type=completion': 0,
    });
  });

  it('have every histogram with a count of zero', async () => {
    const { registry } = createMetrics();
    const perModel = { 'model=m': 0, 'model=x': 0 };
    const perNode = {
      'model=m,node_id=worker_1': 0,
      'model=m,node_id=worker_2': 0,
      'model=x,node_id=worker_1': 0,
      'model=x,node_id=worker_2': 0,
    };
    expect(await scrape(registry, 'ai_cluster_queue_wait_seconds_count')).toEqual(perModel);
    expect(await scrape(registry, 'ai_cluster_streaming_duration_seconds_count')).toEqual(perModel);
    expect(await scrape(registry, 'ai_cluster_inference_duration_seconds_count')).toEqual(perNode);
    expect(await scrape(registry, 'ai_cluster_time_to_first_token_seconds_count')).toEqual(perNode);
  });

  it('have a route before it is called', async () => {
    const metrics = createMetrics();
    initializeRoute(metrics, 'GET', '/health');
    const labels = 'method=GET,path=/health,status=200';
    expect(await scrape(metrics.registry, 'ai_cluster_http_requests_total')).toEqual({ [labels]: 0 });
    expect(await scrape(metrics.registry, 'ai_cluster_http_request_duration_seconds_count')).toEqual({
      [labels]: 0,
    });
  });

  it('have the number of nodes that alerts compare with', async () => {
    expect(await scrape(createMetrics().registry, 'ai_cluster_config_min_healthy_nodes')).toEqual({ '': 2 });
  });

  it('do not collide: two controllers have one registry each', async () => {
    const [first, second] = [createMetrics(), createMetrics()];
    first.inferenceRequests.inc({ model: 'm', status: 'success' });
    const of = async ({ registry }: { registry: Registry }) =>
      (await scrape(registry, 'ai_cluster_inference_requests_total'))['model=m,status=success'];
    expect([await of(first), await of(second)]).toEqual([1, 0]);
  });
});

describe('the gauges of the cluster', () => {
  const model = { id: 'm', tokensPerSecond: 12.5, loadSeconds: 1.5, memoryBytes: 1e8 };
  const node = {
    id: 'worker_1',
    status: 'healthy' as const,
    breaker: 'closed' as const,
    activeRequests: 3,
    models: [model],
  };

  it('are read anew at every scrape, and what has left is gone', async () => {
    let view: ClusterView = {
      nodes: [node, { id: 'worker_2', status: 'offline', breaker: 'open', activeRequests: 0, models: [] }],
      wantedNodes: 2,
      queue: [{ model: 'm', waiting: 7 }],
    };
    const { registry } = createMetrics(() => view);
    const gauges = async () => ({
      nodes: await scrape(registry, 'ai_cluster_cluster_nodes_total'),
      wanted: await scrape(registry, 'ai_cluster_config_min_healthy_nodes'),
      status: whereOne(await scrape(registry, 'ai_cluster_node_status')),
      breaker: whereOne(await scrape(registry, 'ai_cluster_circuit_breaker_state')),
      active: await scrape(registry, 'ai_cluster_cluster_active_requests'),
      rate: await scrape(registry, 'ai_cluster_tokens_per_second'),
      load: await scrape(registry, 'ai_cluster_model_load_time_seconds'),
      memory: await scrape(registry, 'ai_cluster_model_memory_bytes'),
      queue: await scrape(registry, 'ai_cluster_queue_depth'),
    });
    const labels = 'model=m,node_id=worker_1';
    expect(await gauges()).toEqual({
      nodes: { 'status=healthy': 1, 'status=degraded': 0, 'status=offline': 1 },
      wanted: { '': 2 },
      status: ['node_id=worker_1,status=healthy', 'node_id=worker_2,status=offline'],
      breaker: ['node_id=worker_1,state=closed', 'node_id=worker_2,state=open'],
      active: { 'node_id=worker_1': 3, 'node_id=worker_2': 0 },
      rate: { [labels]: 12.5 },
      load: { [labels]: 1.5 },
      memory: { [labels]: 1e8 },
      queue: { 'model=m': 7 },
    });

    view = {
      nodes: [{ ...node, id: 'worker_2', status: 'degraded', models: [] }],
      wantedNodes: 1,
      queue: [],
    };
    expect(await gauges()).toEqual({
      nodes: { 'status=healthy': 0, 'status=degraded': 1, 'status=offline': 0 },
      wanted: { '': 1 },
      status: ['node_id=worker_2,status=degraded'],
      breaker: ['node_id=worker_2,state=closed'],
      active: { 'node_id=worker_2': 3 },
      rate: {},
      load: {},
      memory: {},
      queue: {},
    });
  });
});

describe('a node that is forgotten', () => {
  it('takes its series with it, and leaves those of the others', async () => {
    const metrics = createMetrics();
    for (const node_id of ['worker_1', 'worker_2']) {
      metrics.inferenceDuration.observe({ model: 'm', node_id }, 1);
      metrics.nodeEjections.inc({ node_id, reason: 'failures' });
    }
    await removeSeriesOf(metrics.registry, 'node_id', 'worker_1');
    const text = await metrics.registry.metrics();
    expect(text).not.toContain('worker_1');
    expect(text).toContain('ai_cluster_inference_duration_seconds_count{model="m",node_id="worker_2"} 1');
    expect(text).toContain('ai_cluster_node_ejections_total{node_id="worker_2",reason="failures"} 1');
  });
});

describe('the metrics of a worker', () => {
  it('show its slots by state', async () => {
    const report: ModelReport = {
      id: 'm',
      kind: 'generation',
      slotsTotal: 4,
      slotsBusy: 1,
      contextTokens: 4096,
      loadSeconds: 1,
      memoryBytes: 1,
      fingerprint: 'fp',
    };
    let models = [report];
    const { registry } = createWorkerMetrics({ readModels: () => models });
    expect(await scrape(registry, 'ai_cluster_worker_slots')).toEqual({
      'model=m,state=busy': 1,
      'model=m,state=idle': 3,
    });
    models = [];
    expect(await scrape(registry, 'ai_cluster_worker_slots')).toEqual({});
    expect((await scrape(registry, 'ai_cluster_worker_uptime_seconds'))['']).toBeGreaterThan(0);
  });
});

describe('the names of the metrics', () => {
  it('are these', () => {
    expect(listMetricNames().sort()).toEqual([
      'ai_cluster_api_key_rate_limit_hits_total',
      'ai_cluster_api_key_requests_total',
      'ai_cluster_auth_attempts_total',
      'ai_cluster_circuit_breaker_state',
      'ai_cluster_circuit_breaker_transitions_total',
      'ai_cluster_cluster_active_requests',
      'ai_cluster_cluster_nodes_total',
      'ai_cluster_config_min_healthy_nodes',
      'ai_cluster_http_request_duration_seconds',
      'ai_cluster_http_requests_total',
      'ai_cluster_inference_duration_seconds',
      'ai_cluster_inference_requests_total',
      'ai_cluster_model_load_time_seconds',
      'ai_cluster_model_memory_bytes',
      'ai_cluster_node_ejections_total',
      'ai_cluster_node_status',
      'ai_cluster_prefix_cache_expected_tokens_total',
      'ai_cluster_prefix_cache_queried_tokens_total',
      'ai_cluster_prompt_cached_tokens_total',
      'ai_cluster_queue_depth',
      'ai_cluster_queue_pauses_total',
      'ai_cluster_queue_rejected_total',
      'ai_cluster_queue_wait_seconds',
      'ai_cluster_retries_total',
      'ai_cluster_retry_budget_remaining_ratio',
      'ai_cluster_routing_decision_duration_seconds',
      'ai_cluster_routing_decisions_total',
      'ai_cluster_stream_resumes_total',
      'ai_cluster_streaming_duration_seconds',
      'ai_cluster_streaming_requests_total',
      'ai_cluster_time_to_first_token_seconds',
      'ai_cluster_tokens_generated_total',
      'ai_cluster_tokens_per_second',
      'ai_cluster_tokens_wasted_total',
      'ai_cluster_upstream_attempts_total',
      'ai_cluster_worker_slots',
      'ai_cluster_worker_uptime_seconds',
    ]);
  });

  it('are disjoint in controller and worker, so that a sum counts nothing twice', async () => {
    const own = (registry: Registry) =>
      registry
        .getMetricsAsArray()
        .map(({ name }) => name)
        .filter((name) => name.startsWith('ai_cluster_'));
    const workers = own(createWorkerMetrics({ readModels: () => [] }).registry);
    expect(workers.every((name) => name.startsWith('ai_cluster_worker_'))).toBe(true);
    expect(own(createMetrics().registry).filter((name) => workers.includes(name))).toEqual([]);
    expect(await createMetrics().registry.metrics()).toContain('process_cpu_seconds_total');
  });
});
