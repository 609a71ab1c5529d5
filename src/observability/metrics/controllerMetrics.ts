import { BreakerState, EjectionReason } from '../../protocol/clusterStatus.js';
import type { ClusterView } from '../clusterView.js';
import { clusterCollector } from './clusterGauges.js';
import { clusterSpecs } from './clusterSpecs.js';
import { dispatchSpecs } from './dispatchSpecs.js';
import { addProcessMetrics, type ProcessFacts } from './processMetrics.js';
import {
  authResults,
  checkResults,
  disconnectPhases,
  errorClasses,
  finishReasons,
  noNode,
  outcomes,
  queueRejections,
  resumeResults,
  retryReasons,
  stages,
  upstreamMessages,
} from './labels.js';
import { MetricsRegistry, sampled, type MetricsOptions } from './metricsRegistry.js';
import { keySpecs } from './processSpecs.js';
import { requestSpecs } from './requestSpecs.js';

export interface ControllerMetricsOptions extends MetricsOptions {
  /** Configured models and nodes, present as zero from the first scrape on. */
  readonly models: readonly string[];
  readonly nodeIds: readonly string[];
  readonly keyIds: readonly string[];
  readonly facts: ProcessFacts & {
    /** The same number for the same settings. */
    readonly configHash?: number | undefined;
  };
  readonly readCluster: () => ClusterView;
  /** Undefined while it does not listen yet. */
  readonly readServer?: () => ServerGauges | undefined;
}

export interface ServerGauges {
  readonly connections: number;
  /** What streams have to send that their clients have not read. */
  readonly unsentBytes: number;
}

export type ControllerMetrics = ReturnType<typeof createControllerMetrics>;

/** All metrics of a controller, which owns every `ai_cluster_*` family but `ai_cluster_worker_*`. */
export function createControllerMetrics(options: ControllerMetricsOptions) {
  const registry = new MetricsRegistry('ai_cluster', options);
  const metrics = {
    registry,
    ...registry.families(requestSpecs, [requestSpecs.interTokenLatency]),
    ...registry.families(dispatchSpecs),
    ...registry.families(clusterSpecs),
    ...registry.families(keySpecs),
    ...addProcessMetrics(registry, 'ai_cluster', options.facts),
  };
  registry.collect(clusterCollector(options.readCluster));
  registry.collect({
    name: 'server',
    read: () => options.readServer?.() ?? { connections: 0, unsentBytes: 0 },
    gauges: [
      sampled(clusterSpecs.httpConnections, ({ connections }: ServerGauges) => [[{}, connections]]),
      sampled(clusterSpecs.sseBuffer, ({ unsentBytes }: ServerGauges) => [[{}, unsentBytes]]),
      sampled(keySpecs.uptime, () => [[{}, process.uptime()]]),
      sampled(keySpecs.configHash, () => [[{}, options.facts.configHash ?? 0]]),
    ],
  });
  initializeAtZero(metrics, options);
  return metrics;
}

/** A counter that begins at one when something happens for the first time would show no increase then. */
function initializeAtZero(metrics: ControllerMetrics, options: ControllerMetricsOptions): void {
  for (const model of options.models) initializeModel(metrics, model, options.nodeIds);
  for (const nodeId of options.nodeIds) initializeNode(metrics, nodeId);
  for (const keyId of options.keyIds) initializeKey(metrics, keyId);
  for (const reason of queueRejections) metrics.queueRejected.inc({ reason }, 0);
  for (const result of authResults) metrics.authAttempts.inc({ result }, 0);
  for (const reason of retryReasons) metrics.retries.inc({ reason }, 0);
  for (const result of resumeResults) metrics.streamResumes.inc({ result }, 0);
  for (const phase of disconnectPhases) metrics.clientDisconnects.inc({ phase }, 0);
  for (const status of outcomes) metrics.batchRequests.inc({ status }, 0);
  for (const message of upstreamMessages) metrics.upstreamMessages.inc(message, 0);
  for (const stage of stages) metrics.stageDuration.zero({ stage });
  for (const errorClass of errorClasses) metrics.errors.inc({ class: errorClass, node_id: noNode }, 0);
  metrics.tokensWasted.inc({}, 0);
  metrics.slowClientPauses.inc({}, 0);
  metrics.routerOverhead.zero({});
}

function initializeModel(metrics: ControllerMetrics, model: string, nodeIds: readonly string[]): void {
  for (const status of outcomes) {
    metrics.inferenceRequests.inc({ model, status }, 0);
    metrics.streamingRequests.inc({ model, status }, 0);
  }
  for (const type of ['prompt', 'completion']) metrics.tokensGenerated.inc({ model, type }, 0);
  for (const reason of finishReasons) metrics.requestFinished.inc({ model, reason }, 0);
  metrics.queuePauses.inc({ model }, 0);
  for (const histogram of [
    metrics.streamingDuration,
    metrics.queueWait,
    metrics.timePerOutputToken,
    metrics.requestPromptTokens,
    metrics.requestCompletionTokens,
    metrics.requestMaxTokens,
  ])
    histogram.zero({ model });
  for (const node_id of nodeIds) {
    for (const histogram of [
      metrics.inferenceDuration,
      metrics.timeToFirstToken,
      metrics.interTokenLatency,
      metrics.prefillDuration,
      metrics.decodeDuration,
    ])
      histogram.zero({ model, node_id });
    for (const counter of [
      metrics.prefixCacheQueriedTokens,
      metrics.promptCachedTokens,
      metrics.prefixCacheExpectedTokens,
    ])
      counter.inc({ model, node_id }, 0);
  }
}

function initializeNode(metrics: ControllerMetrics, node_id: string): void {
  for (const to of BreakerState.options) metrics.breakerTransitions.inc({ node_id, to }, 0);
  for (const reason of EjectionReason.options) metrics.nodeEjections.inc({ node_id, reason }, 0);
  for (const status of checkResults) metrics.healthChecks.inc({ node_id, status }, 0);
  for (const errorClass of errorClasses) metrics.errors.inc({ class: errorClass, node_id }, 0);
  for (const phase of ['connect', 'first_byte']) metrics.upstreamLatency.zero({ node_id, phase });
  metrics.upstreamAttemptDuration.zero({ node_id });
  metrics.healthCheckDuration.zero({ node_id });
  metrics.nodeRestarts.inc({ node_id }, 0);
}

/** A key is in the metrics before it asks. */
export function initializeKey(metrics: ControllerMetrics, keyId: string): void {
  for (const status of outcomes) metrics.apiKeyRequests.inc({ key_id: keyId, status }, 0);
  metrics.apiKeyRateLimitHits.inc({ key_id: keyId }, 0);
}

/**
 * A route is in the metrics before it is called. Its duration only where inference is asked for: a histogram is twenty
 * lines, and most of the many routes are never called.
 */
export function initializeRoute(
  metrics: ControllerMetrics,
  { method, path, isInference }: { method: string; path: string; isInference: boolean },
): void {
  const labels = { method, path, status: '200' };
  metrics.httpRequests.inc(labels, 0);
  if (isInference) metrics.httpRequestDuration.zero(labels);
}
