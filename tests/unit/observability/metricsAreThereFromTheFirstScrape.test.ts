import { describe, expect, it } from 'vitest';
import type { ClusterView } from '../../../src/observability/clusterView.js';
import { initializeRoute } from '../../../src/observability/metrics/controllerMetrics.js';
import { errorClasses, outcomes } from '../../../src/observability/metrics/labels.js';
import { listMetrics } from '../../../src/observability/metrics/metricNames.js';
import type { MetricsRegistry } from '../../../src/observability/metrics/metricsRegistry.js';
import { createWorkerMetrics } from '../../../src/observability/metrics/workerMetrics.js';
import { samplesOf } from '../../support/metricsText.js';
import { createTestMetrics, emptyClusterView, modelGauges, nodeGauges } from '../../support/testMetrics.js';

const emptyView: ClusterView = { ...emptyClusterView, wantedNodes: 2 };
const facts = { version: '1.2.3' };

const createMetrics = (readCluster: () => ClusterView = () => emptyView) =>
  createTestMetrics({ models: ['m', 'x'], nodeIds: ['worker_1', 'worker_2'], readCluster });

const scrape = async (registry: MetricsRegistry, name: string) => samplesOf(await registry.text(), name);

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
    initializeRoute(metrics, { method: 'GET', path: '/health', isInference: false });
    initializeRoute(metrics, { method: 'POST', path: '/v1/completions', isInference: true });
    const labels = 'method=POST,path=/v1/completions,status=200';
    expect(await scrape(metrics.registry, 'ai_cluster_http_requests_total')).toEqual({
      'method=GET,path=/health,status=200': 0,
      [labels]: 0,
    });
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
    const of = async ({ registry }: { registry: MetricsRegistry }) =>
      (await scrape(registry, 'ai_cluster_inference_requests_total'))['model=m,status=success'];
    expect([await of(first), await of(second)]).toEqual([1, 0]);
  });
});

describe('the gauges of the cluster', () => {
  const model = modelGauges({ tokensPerSecond: 12.5 });
  const node = nodeGauges({ activeRequests: 3, models: [model], connections: { active: 3, idle: 1 } });

  it('are read anew at every scrape, and what has left is gone', async () => {
    const lost = nodeGauges({
      ...{ id: 'worker_2', status: 'offline', state: 'lost', breaker: 'open', machine: undefined },
      consecutiveFailures: 5,
    });
    let view: ClusterView = {
      ...emptyView,
      nodes: [node, lost],
      queue: [{ model: 'm', waiting: 7, batch: 4 }],
    };
    const { registry } = createMetrics(() => view);
    const gauges = async () => {
      const text = await registry.text();
      const read = (name: string) => samplesOf(text, `ai_cluster_${name}`);
      return {
        nodes: read('cluster_nodes_total'),
        alias: read('nodes'),
        wanted: read('config_min_healthy_nodes'),
        status: whereOne(read('node_status')),
        code: read('node_status_code'),
        breaker: whereOne(read('circuit_breaker_state')),
        failures: read('node_consecutive_failures'),
        cores: read('node_cpu_cores'),
        layers: read('node_max_layers'),
        loaded: read('models_loaded'),
        connections: read('upstream_connections'),
        active: read('cluster_active_requests'),
        rate: read('tokens_per_second'),
        load: read('model_load_time_seconds'),
        memory: read('model_memory_bytes'),
        size: read('model_size_bytes'),
        usage: read('kv_cache_usage_ratio'),
        queue: read('queue_depth'),
      };
    };
    const labels = 'model=m,node_id=worker_1';
    const byStatus = { 'status=healthy': 1, 'status=degraded': 0, 'status=offline': 1 };
    expect(await gauges()).toEqual({
      nodes: byStatus,
      alias: byStatus,
      wanted: { '': 2 },
      status: ['node_id=worker_1,status=healthy', 'node_id=worker_2,status=offline'],
      code: { 'node_id=worker_1': 1, 'node_id=worker_2': 0 },
      breaker: ['node_id=worker_1,state=closed', 'node_id=worker_2,state=open'],
      failures: { 'node_id=worker_1': 0, 'node_id=worker_2': 5 },
      cores: { 'node_id=worker_1': 2 },
      layers: { 'node_id=worker_1': 31 },
      loaded: { 'node_id=worker_1': 1, 'node_id=worker_2': 0 },
      connections: {
        'node_id=worker_1,state=active': 3,
        'node_id=worker_1,state=idle': 1,
        'node_id=worker_2,state=active': 0,
        'node_id=worker_2,state=idle': 0,
      },
      active: { 'node_id=worker_1': 3, 'node_id=worker_2': 0 },
      rate: { [labels]: 12.5 },
      load: { [labels]: 1.5 },
      memory: { [labels]: 1e8 },
      size: { [labels]: 9e7 },
      usage: { [labels]: 0.25 },
      queue: { 'queue=admission,model=m': 3, 'queue=batch,model=m': 4 },
    });

    view = {
      ...emptyView,
      nodes: [nodeGauges({ id: 'worker_2', status: 'degraded', state: 'draining' })],
      wantedNodes: 1,
    };
    expect(await gauges()).toMatchObject({
      nodes: { 'status=healthy': 0, 'status=degraded': 1, 'status=offline': 0 },
      wanted: { '': 1 },
      status: ['node_id=worker_2,status=draining'],
      code: { 'node_id=worker_2': 1 },
      breaker: ['node_id=worker_2,state=closed'],
      active: { 'node_id=worker_2': 0 },
      rate: {},
      load: {},
      memory: {},
      queue: {},
    });
  });

  it.each([
    ['unknown', 3, { state: 'joining', status: 'degraded' }],
    ['busy', 2, { state: 'busy', status: 'healthy' }],
    ['degraded', 1, { state: 'suspect', status: 'degraded' }],
    ['offline', 0, { state: 'lost', status: 'offline' }],
  ] as const)('give each node one status: %s, whose number is %d', async (status, code, fields) => {
    const { registry } = createMetrics(() => ({ ...emptyView, nodes: [nodeGauges(fields)] }));
    expect(whereOne(await scrape(registry, 'ai_cluster_node_status'))).toEqual([
      `node_id=worker_1,status=${status}`,
    ]);
    expect(await scrape(registry, 'ai_cluster_node_status_code')).toEqual({ 'node_id=worker_1': code });
  });

  it('that cannot be read are left out, and the rest of the scrape is there', async () => {
    const { registry } = createMetrics(() => {
      throw new Error('broken');
    });
    const told: string[] = [];
    registry.onCollectError = (collector) => told.push(collector);
    await registry.text();
    const text = await registry.text();
    expect(text).not.toContain('ai_cluster_cluster_nodes_total');
    expect(text).toContain('ai_cluster_metrics_collect_errors_total{collector="cluster"} 2');
    expect(text).toContain('ai_cluster_uptime_seconds');
    expect(told).toEqual(['cluster', 'cluster']);
  });
});

describe('what is gone for good', () => {
  it('takes its series with it, and leaves those of the others', async () => {
    const metrics = createMetrics();
    for (const node_id of ['worker_1', 'worker_2']) {
      metrics.inferenceDuration.observe({ model: 'm', node_id }, 1);
      metrics.nodeEjections.inc({ node_id, reason: 'failures' });
    }
    metrics.registry.forget('node_id', 'worker_1');
    metrics.registry.forget('model', 'x');
    const text = await metrics.registry.text();
    expect(text).not.toContain('worker_1');
    expect(text).not.toContain('model="x"');
    expect(text).toContain('ai_cluster_inference_duration_seconds_count{model="m",node_id="worker_2"} 1');
    expect(text).toContain('ai_cluster_node_ejections_total{node_id="worker_2",reason="failures"} 1');
  });
});

describe('the metrics of a worker', () => {
  const load = { id: 'm', slotsTotal: 4, slotsBusy: 3, isServing: true };

  it('show its slots and its steps', async () => {
    let models = [{ ...load, steps: { steps: 10, sequences: 25, deferred: 1 } }];
    const { registry } = createWorkerMetrics({ facts, readModels: () => models });
    const text = await registry.text();
    const read = (name: string) => samplesOf(text, `ai_cluster_worker_${name}`);
    expect(read('slots')).toEqual({ 'model=m,state=busy': 3, 'model=m,state=idle': 1 });
    expect(read('engine_up')).toEqual({ 'model=m': 1 });
    expect(read('engine_requests_processing')).toEqual({ 'model=m': 2 });
    expect(read('engine_requests_deferred')).toEqual({ 'model=m': 1 });
    expect(read('steps_total')).toEqual({ 'model=m': 10 });
    expect(read('step_sequences_total')).toEqual({ 'model=m': 25 });
    expect(read('uptime_seconds')['']).toBeGreaterThan(0);
    models = [];
    expect(await scrape(registry, 'ai_cluster_worker_slots')).toEqual({});
  });

  it('show its machine, and a GPU where there is one', async () => {
    const cpuSeconds = { user: 5, nice: 0, sys: 1, idle: 90, irq: 0 };
    const { registry } = createWorkerMetrics({
      facts,
      readModels: () => [],
      readMachine: () => ({ memoryUsedBytes: 7e9, cpuSeconds }),
      readGpus: () => [{ id: '0', memoryUsedBytes: 5e9, utilization: 0.5 }],
    });
    const text = await registry.text();
    const read = (name: string) => samplesOf(text, `ai_cluster_worker_${name}`);
    expect(read('system_memory_used_bytes')).toEqual({ '': 7e9 });
    expect(read('system_cpu_seconds_total')['mode=user']).toBe(5);
    expect(read('gpu_memory_used_bytes')).toEqual({ 'gpu=0': 5e9 });
    expect(read('gpu_utilization_ratio')).toEqual({ 'gpu=0': 0.5 });
  });
});

describe('what operators have known from the first day', () => {
  it.each([
    ['ai_cluster_http_requests_total', 'counter', ['method', 'path', 'status']],
    ['ai_cluster_http_request_duration_seconds', 'histogram', ['method', 'path', 'status']],
    ['ai_cluster_inference_requests_total', 'counter', ['model', 'status']],
    ['ai_cluster_inference_duration_seconds', 'histogram', ['model', 'node_id']],
    ['ai_cluster_tokens_generated_total', 'counter', ['model', 'type']],
    ['ai_cluster_tokens_per_second', 'gauge', ['model', 'node_id']],
    ['ai_cluster_cluster_nodes_total', 'gauge', ['status']],
    ['ai_cluster_cluster_active_requests', 'gauge', ['node_id']],
    ['ai_cluster_model_load_time_seconds', 'gauge', ['model', 'node_id']],
    ['ai_cluster_model_memory_bytes', 'gauge', ['model', 'node_id']],
    ['ai_cluster_api_key_requests_total', 'counter', ['key_id', 'status']],
    ['ai_cluster_api_key_rate_limit_hits_total', 'counter', ['key_id']],
    ['ai_cluster_streaming_requests_total', 'counter', ['model', 'status']],
    ['ai_cluster_streaming_duration_seconds', 'histogram', ['model']],
  ])('stays as it is: %s', (name, type, labels) => {
    expect(listMetrics().find(({ spec }) => spec.name === name)).toMatchObject({
      owner: 'controller',
      spec: { type, labels },
    });
  });
});

describe('the names of all metrics', () => {
  const metrics = listMetrics();

  it('are given once: controller and worker share none, so that a sum counts nothing twice', () => {
    const names = metrics.map(({ spec }) => spec.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { owner, spec } of metrics)
      expect(spec.name.startsWith('ai_cluster_worker_'), spec.name).toBe(owner === 'worker');
  });

  it.each(metrics)('say what Prometheus expects of them: $spec.name', ({ spec }) => {
    const { name, type, unit, help, advice, labels, buckets } = spec;
    expect(help).toMatch(/^[A-Z].*[^.]$/);
    expect(advice).toMatch(/\.$/);
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (unit === 'seconds' && type !== 'counter') expect(name).toMatch(/_seconds$/);
    if (unit === 'bytes') expect(name).toMatch(/_bytes$/);
    if (unit === 'ratio') expect(name).toMatch(/_ratio$/);
    expect(labels).not.toContain('le');
    expect([...(buckets ?? [])]).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
  });
});

it('errors are there at zero, by class and node', async () => {
  const series = await scrape(createMetrics().registry, 'ai_cluster_errors_total');
  const nodes = ['worker_1', 'worker_2', 'none'];
  const expected = nodes.flatMap((node) => errorClasses.map((name) => `class=${name},node_id=${node}`));
  expect(Object.keys(series).sort()).toEqual(expected.sort());
  expect(Object.values(series).every((value) => value === 0)).toBe(true);
});
