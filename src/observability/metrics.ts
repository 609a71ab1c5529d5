import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BreakerState, EjectionReason } from '../protocol/clusterStatus.js';
import type { ModelReport } from '../protocol/workerApi.js';
import { addClusterGauges } from './clusterGauges.js';
import type { ClusterView } from './clusterView.js';
import { createRecoveryMetrics } from './recoveryMetrics.js';

/**
 * Every metric: name, type, labels, buckets. The controller owns all `ai_cluster_*` families but
 * `ai_cluster_worker_*`, so that a sum over all processes counts nothing twice.
 */

/** Buckets in seconds: whole requests, time to the first token, choices of a node, stages of a request. */
export const buckets = {
  endToEnd: [0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600],
  firstToken: [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
  ],
  decision: [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
  stage: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
};

/** How a request ended: rejected was turned away (its own fault, or a full queue), cancelled lost its client. */
export const outcomes = ['success', 'error', 'cancelled', 'rejected'] as const;
export type Outcome = (typeof outcomes)[number];

/** Waits can last as long as the queue lets them. */
const queueWaitBuckets = [...buckets.stage, 30, 60, 120, 300];

/** Why a request that waited, or would have, was not given a slot. */
export const queueRejections = ['full', 'key_limit', 'timeout', 'deadline', 'draining', 'no_worker'] as const;
export type QueueRejection = (typeof queueRejections)[number];

/** What came of looking for a key that works; a disabled one counts as revoked. */
export const authResults = ['ok', 'missing', 'invalid', 'expired', 'revoked'] as const;
export type AuthResult = (typeof authResults)[number];

/** Label values of requests that reached no node, name no known model or match no route, and of keys that are gone. */
export const noNode = 'none';
export const unknownModel = 'unknown';
export const unmatchedPath = 'unmatched';
export const revokedKey = 'revoked';

export interface ControllerMetricsOptions {
  /** Configured models and nodes, present as zero from the first scrape on. */
  readonly models: readonly string[];
  readonly nodeIds: readonly string[];
  readonly keyIds: readonly string[];
  readonly readCluster: () => ClusterView;
  /** The share of the retry budget that is left. */
  readonly readRetryBudget?: () => number;
}

export type ControllerMetrics = ReturnType<typeof createControllerMetrics>;

export function createControllerMetrics(options: ControllerMetricsOptions) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const metrics = {
    registry,
    ...createRecoveryMetrics(registers, options.readRetryBudget ?? (() => 1)),
    httpRequests: new Counter({
      name: 'ai_cluster_http_requests_total',
      help: 'HTTP requests answered, by route; /metrics and the internal routes are not counted',
      labelNames: ['method', 'path', 'status'],
      registers,
    }),
    httpRequestDuration: new Histogram({
      name: 'ai_cluster_http_request_duration_seconds',
      help: 'Seconds from the arrival of an HTTP request to the last byte of its answer',
      labelNames: ['method', 'path', 'status'],
      buckets: buckets.endToEnd,
      registers,
    }),
    inferenceRequests: new Counter({
      name: 'ai_cluster_inference_requests_total',
      help: 'Inference requests of clients by outcome, each counted once',
      labelNames: ['model', 'status'],
      registers,
    }),
    inferenceDuration: new Histogram({
      name: 'ai_cluster_inference_duration_seconds',
      help: 'Seconds from the arrival of an inference request to its end, by the node that ended it',
      labelNames: ['model', 'node_id'],
      buckets: buckets.endToEnd,
      registers,
    }),
    tokensGenerated: new Counter({
      name: 'ai_cluster_tokens_generated_total',
      help: 'Tokens of prompts and of completions; a stream that was cut counts what was relayed',
      labelNames: ['model', 'type'],
      registers,
    }),
    apiKeyRequests: new Counter({
      name: 'ai_cluster_api_key_requests_total',
      help: 'Inference requests by API key and outcome',
      labelNames: ['key_id', 'status'],
      registers,
    }),
    apiKeyRateLimitHits: new Counter({
      name: 'ai_cluster_api_key_rate_limit_hits_total',
      help: 'Requests refused because of a limit of their API key',
      labelNames: ['key_id'],
      registers,
    }),
    authAttempts: new Counter({
      name: 'ai_cluster_auth_attempts_total',
      help: 'API keys that were looked at, and requests without one, by what came of it; none while there are no keys',
      labelNames: ['result'],
      registers,
    }),
    streamingRequests: new Counter({
      name: 'ai_cluster_streaming_requests_total',
      help: 'Inference requests that asked for a stream, by outcome; a part of the inference requests',
      labelNames: ['model', 'status'],
      registers,
    }),
    streamingDuration: new Histogram({
      name: 'ai_cluster_streaming_duration_seconds',
      help: 'Seconds from the first byte of a stream to its end',
      labelNames: ['model'],
      buckets: buckets.endToEnd,
      registers,
    }),
    timeToFirstToken: new Histogram({
      name: 'ai_cluster_time_to_first_token_seconds',
      help: 'Seconds from the arrival of an inference request to its first token',
      labelNames: ['model', 'node_id'],
      buckets: buckets.firstToken,
      registers,
    }),
    queueWait: new Histogram({
      name: 'ai_cluster_queue_wait_seconds',
      help: 'Seconds that inference requests waited for a slot',
      labelNames: ['model'],
      buckets: queueWaitBuckets,
      registers,
    }),
    breakerTransitions: new Counter({
      name: 'ai_cluster_circuit_breaker_transitions_total',
      help: 'How often the circuit breaker of a node changed to this state',
      labelNames: ['node_id', 'to'],
      registers,
    }),
    nodeEjections: new Counter({
      name: 'ai_cluster_node_ejections_total',
      help: 'How often a node was left out because it did worse than its peers, by what it did worse',
      labelNames: ['node_id', 'reason'],
      registers,
    }),
    routingDecisions: new Counter({
      name: 'ai_cluster_routing_decisions_total',
      help: 'Requests that a policy gave to a node, by what decided it',
      labelNames: ['policy', 'reason'],
      registers,
    }),
    routingDecisionDuration: new Histogram({
      name: 'ai_cluster_routing_decision_duration_seconds',
      help: 'Seconds that a policy took to choose a node, or to let the request wait',
      labelNames: ['policy'],
      buckets: buckets.decision,
      registers,
    }),
    prefixCacheQueriedTokens: new Counter({
      name: 'ai_cluster_prefix_cache_queried_tokens_total',
      help: 'Prompt tokens that were looked for in caches',
      labelNames: ['model', 'node_id'],
      registers,
    }),
    promptCachedTokens: new Counter({
      name: 'ai_cluster_prompt_cached_tokens_total',
      help: 'Prompt tokens that did not have to be evaluated',
      labelNames: ['model', 'node_id'],
      registers,
    }),
    prefixCacheExpectedTokens: new Counter({
      name: 'ai_cluster_prefix_cache_expected_tokens_total',
      help: 'Prompt tokens that routing expected in the caches of the node it chose, estimated',
      labelNames: ['model', 'node_id'],
      registers,
    }),
    queueRejected: new Counter({
      name: 'ai_cluster_queue_rejected_total',
      help: 'Requests that were not given a slot, by reason',
      labelNames: ['reason'],
      registers,
    }),
    queuePauses: new Counter({
      name: 'ai_cluster_queue_pauses_total',
      help: 'Times that batch work gave its slot to a request of somebody who waits',
      labelNames: ['model'],
      registers,
    }),
  };

  addClusterGauges(registers, options.readCluster);
  initializeAtZero(metrics, options);
  return metrics;
}

/** What is gone for good takes its series with it; gauges of live state do so by themselves. */
export async function removeSeriesOf(
  registry: Registry,
  label: 'node_id' | 'key_id',
  value: string,
): Promise<void> {
  for (const metric of registry.getMetricsAsArray()) {
    if (!(metric instanceof Counter || metric instanceof Histogram)) continue;
    const { values }: { values: { labels: Partial<Record<string, string | number>> }[] } = await metric.get();
    for (const { labels } of values) {
      const { le: _bucket, ...own } = labels;
      if (own[label] === value) metric.remove(own);
    }
  }
}

/** A key is in the metrics before it asks. */
export function initializeKey(metrics: ControllerMetrics, keyId: string): void {
  for (const status of outcomes) metrics.apiKeyRequests.inc({ key_id: keyId, status }, 0);
  metrics.apiKeyRateLimitHits.inc({ key_id: keyId }, 0);
}

/** A route is in the metrics before it is called. */
export function initializeRoute(metrics: ControllerMetrics, method: string, path: string): void {
  const labels = { method, path, status: '200' };
  metrics.httpRequests.inc(labels, 0);
  metrics.httpRequestDuration.zero(labels);
}

function initializeAtZero(metrics: ControllerMetrics, options: ControllerMetricsOptions): void {
  for (const model of options.models) {
    for (const status of outcomes) {
      metrics.inferenceRequests.inc({ model, status }, 0);
      metrics.streamingRequests.inc({ model, status }, 0);
    }
    for (const type of ['prompt', 'completion']) metrics.tokensGenerated.inc({ model, type }, 0);
    metrics.streamingDuration.zero({ model });
    metrics.queueWait.zero({ model });
    metrics.queuePauses.inc({ model }, 0);
    for (const nodeId of options.nodeIds) {
      metrics.inferenceDuration.zero({ model, node_id: nodeId });
      metrics.timeToFirstToken.zero({ model, node_id: nodeId });
      for (const counter of [
        metrics.prefixCacheQueriedTokens,
        metrics.promptCachedTokens,
        metrics.prefixCacheExpectedTokens,
      ])
        counter.inc({ model, node_id: nodeId }, 0);
    }
  }
  for (const node_id of options.nodeIds) {
    for (const to of BreakerState.options) metrics.breakerTransitions.inc({ node_id, to }, 0);
    for (const reason of EjectionReason.options) metrics.nodeEjections.inc({ node_id, reason }, 0);
  }
  for (const reason of queueRejections) metrics.queueRejected.inc({ reason }, 0);
  for (const result of authResults) metrics.authAttempts.inc({ result }, 0);
  for (const keyId of options.keyIds) initializeKey(metrics, keyId);
}

/** Metrics of one worker process. */
export function createWorkerMetrics(options: { readModels: () => readonly ModelReport[] }) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'ai_cluster_worker_slots',
    help: 'Slots of this worker by state',
    labelNames: ['model', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { id, slotsBusy, slotsTotal } of options.readModels()) {
        this.set({ model: id, state: 'busy' }, slotsBusy);
        this.set({ model: id, state: 'idle' }, slotsTotal - slotsBusy);
      }
    },
  });
  new Gauge({
    name: 'ai_cluster_worker_uptime_seconds',
    help: 'Seconds since this worker process started',
    registers,
    collect() {
      this.set(process.uptime());
    },
  });
  return { registry };
}

/** The names of all `ai_cluster_*` families, for tests of dashboards and documents. */
export function listMetricNames(): string[] {
  const controller = createControllerMetrics({
    models: [],
    nodeIds: [],
    keyIds: [],
    readCluster: () => ({ nodes: [], wantedNodes: 0, queue: [] }),
  });
  const worker = createWorkerMetrics({ readModels: () => [] });
  return [controller, worker]
    .flatMap(({ registry }) => registry.getMetricsAsArray().map(({ name }) => name))
    .filter((name) => name.startsWith('ai_cluster_'));
}
