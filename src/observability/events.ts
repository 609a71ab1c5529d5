import type { BreakerState, EjectionReason, NodeState } from '../protocol/clusterStatus.js';
import { anonymousPrincipal } from '../protocol/generateRequest.js';
import type { Batch, BatchStatus } from '../protocol/openai/batches.js';
import type { RoutingReceipt } from '../protocol/routing.js';
import { describeError } from './describeError.js';
import type { Logger } from './logger.js';
import {
  initializeKey,
  noNode,
  removeSeriesOf,
  revokedKey,
  unmatchedPath,
  type AuthResult,
  type ControllerMetrics,
  type Outcome,
  type QueueRejection,
} from './metrics.js';
import { createRecoveryEvents } from './recoveryMetrics.js';

/** What became of an inference request, for its log line and the metrics. */
export interface InferenceRecord {
  /** False: for the log line only. */
  readonly isCounted: boolean;
  /** A registered model or `unknown`. */
  readonly model: string;
  readonly keyId: string;
  readonly outcome: Outcome;
  readonly isStream: boolean;
  /** The node that ended it; undefined where it reached none. */
  readonly nodeId: string | undefined;
  readonly attempts: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly queueMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  /** From the first byte of a stream to its end. */
  readonly streamMs: number | undefined;
  readonly finishReason: string | undefined;
}

export interface RequestRecord {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly method: string;
  /** The route's template; undefined where none matched. */
  readonly path: string | undefined;
  /** 499 where the client left before the answer began. */
  readonly status: number;
  readonly durationMs: number;
  readonly inference: InferenceRecord | undefined;
  /** Why it failed, for the log; never shown to the client. */
  readonly error: string | undefined;
}

export interface BatchLineRecord extends Pick<
  RequestRecord,
  'requestId' | 'status' | 'durationMs' | 'error'
> {
  readonly batchId: string;
  /** The endpoint. */
  readonly path: string;
  readonly inference: InferenceRecord;
}

export interface UsedTokens {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface KeyCheck {
  readonly requestId: string;
  readonly result: AuthResult | 'disabled';
  /** Only where its secret was right. */
  readonly keyId?: string;
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Asked every few seconds by machines: counted, but not worth a line each. */
const quietPaths = new Set(['/health', '/ready', '/cluster/status']);
const round = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 10) / 10);

export type ControllerEvents = ReturnType<typeof createControllerEvents>;

/** One function for each thing that happens: a log line and the metrics that go with it. */
export function createControllerEvents({ logger, metrics }: { logger: Logger; metrics: ControllerMetrics }) {
  /** Nodes that are gone, and keys that are not: a request that ends late must not bring series back. */
  const forgottenNodes = new Set<string>();
  const liveKeys = new Set([anonymousPrincipal.keyId]);
  const keyLabelOf = (keyId: string) => (liveKeys.has(keyId) ? keyId : revokedKey);

  function countInference(inference: InferenceRecord, durationMs: number): void {
    const isForgotten = inference.nodeId !== undefined && forgottenNodes.has(inference.nodeId);
    const nodeId = isForgotten ? undefined : inference.nodeId;
    recordInference(metrics, { ...inference, nodeId, keyId: keyLabelOf(inference.keyId) }, durationMs);
  }

  return {
    ...createRecoveryEvents({ logger, metrics }),

    requestFinished(record: RequestRecord): void {
      const { inference } = record;
      const labels = {
        method: knownMethods.has(record.method) ? record.method : 'other',
        path: record.path ?? unmatchedPath,
        status: String(record.status),
      };
      metrics.httpRequests.inc(labels);
      metrics.httpRequestDuration.observe(labels, record.durationMs / 1000);
      if (inference?.isCounted) countInference(inference, record.durationMs);

      const isAnswer = record.path === '/ready' && record.status === 503;
      const isError = (record.status >= 500 && !isAnswer) || inference?.outcome === 'error';
      const level = isError ? 'error' : 'info';
      if (record.status < 500 && record.path !== undefined && quietPaths.has(record.path)) return;
      logger[level]('request', {
        requestId: record.requestId,
        clientRequestId: record.clientRequestId,
        method: record.method,
        path: labels.path,
        status: record.status,
        durationMs: round(record.durationMs),
        ...(inference && toLogFields(inference)),
        error: record.error,
      });
    },

    /** A request that came in the file of a batch: counted like one of a client, but not as one over HTTP. */
    batchLineFinished(record: BatchLineRecord): void {
      const { inference } = record;
      countInference(inference, record.durationMs);
      logger[inference.outcome === 'error' ? 'error' : 'info']('batch line', {
        requestId: record.requestId,
        batchId: record.batchId,
        path: record.path,
        status: record.status,
        durationMs: round(record.durationMs),
        ...toLogFields(inference),
        error: record.error,
      });
    },

    batchStatusChanged(change: {
      batchId: string;
      status: BatchStatus;
      counts: Batch['request_counts'];
    }): void {
      logger.info('batch status', change);
    },

    /** It is tried again after a while. */
    batchStepFailed(failure: { batchId: string; status: BatchStatus | undefined; reason: string }): void {
      logger.error('batch step failed', failure);
    },

    nodeStateChanged(change: { nodeId: string; from: NodeState; to: NodeState; reason: string }): void {
      forgottenNodes.delete(change.nodeId);
      const isLoss = change.to === 'lost' || change.to === 'suspect';
      logger[isLoss ? 'warn' : 'info']('node state', change);
    },

    breakerChanged(change: { nodeId: string; to: BreakerState }): void {
      metrics.breakerTransitions.inc({ node_id: change.nodeId, to: change.to });
      logger[change.to === 'open' ? 'warn' : 'info']('circuit breaker', change);
    },

    nodeEjected(ejection: { nodeId: string; reason: EjectionReason; forMs: number }): void {
      metrics.nodeEjections.inc({ node_id: ejection.nodeId, reason: ejection.reason });
      logger.warn('node ejected', ejection);
    },

    /** It was removed, or stayed away for long and nobody expects it. */
    nodeForgotten(nodeId: string): void {
      forgottenNodes.add(nodeId);
      void removeSeriesOf(metrics.registry, 'node_id', nodeId);
      logger.info('node forgotten', { nodeId });
    },

    /** A key was looked for in a request, of which there is a log line of its own; `keyId` where there is such a key. */
    keyChecked({ result, ...check }: KeyCheck): void {
      metrics.authAttempts.inc({ result: result === 'disabled' ? 'revoked' : result });
      if (result !== 'ok' && check.keyId !== undefined) {
        logger.info('api key refused', { ...check, reason: result });
      }
    },

    /** It was made, or was there when the controller started. */
    keyAdded(keyId: string): void {
      liveKeys.add(keyId);
      initializeKey(metrics, keyId);
    },

    keyRevoked(keyId: string): void {
      liveKeys.delete(keyId);
      void removeSeriesOf(metrics.registry, 'key_id', keyId);
      logger.info('api key revoked', { keyId });
    },

    /** Those that were read before go on to work, until reading succeeds again. */
    keysUnreadable(error: unknown): void {
      logger.error('api keys could not be read', { reason: describeError(error) });
    },

    /** A policy was asked; most of the time it names a node. */
    routeDecided(route: { policy: string; reason: string; isGranted: boolean; durationMs: number }): void {
      const { policy, reason, isGranted, durationMs } = route;
      metrics.routingDecisionDuration.observe({ policy }, durationMs / 1000);
      if (isGranted) metrics.routingDecisions.inc({ policy, reason });
    },

    /** A worker has accepted a request: what was expected of it, and what it says itself. */
    requestRouted(receipt: RoutingReceipt & { requestId: string; model: string }): void {
      const { model, nodeId, expectedCachedTokens } = receipt;
      metrics.prefixCacheExpectedTokens.inc({ model, node_id: nodeId }, expectedCachedTokens);
      logger.debug('route', receipt);
    },

    attemptFailed(failure: {
      requestId: string;
      nodeId: string;
      attempt: number;
      reason: string;
      willRetry: boolean;
    }) {
      logger.warn('attempt failed', failure);
    },

    /** The request has a log line of its own. */
    queueRejected({ reason, keyId }: { reason: QueueRejection; keyId: string }): void {
      metrics.queueRejected.inc({ reason });
      if (reason === 'key_limit') metrics.apiKeyRateLimitHits.inc({ key_id: keyLabelOf(keyId) });
    },

    /** A request was refused because of a limit or a budget of its key; it has a log line of its own. */
    keyLimitReached(keyId: string): void {
      metrics.apiKeyRateLimitHits.inc({ key_id: keyLabelOf(keyId) });
    },

    /** What a request used could not be stored: it is in this line alone. */
    usageLost({ error, ...use }: { keyId: string; model: string; error: unknown } & UsedTokens): void {
      logger.error('usage lost', { ...use, reason: describeError(error) });
    },

    /** Batch work gave up its slot and waits to go on. */
    requestPaused(pause: { requestId: string; model: string; nodeId: string; pauses: number }): void {
      metrics.queuePauses.inc({ model: pause.model });
      logger.debug('paused', pause);
    },

    /** A worker's call that was refused; that it has to join again (404) is no news. */
    internalCallRefused(refusal: { path: string; status: number; reason: string }): void {
      logger.warn('internal call refused', refusal);
    },

    /** More clients than `--max-connections`. */
    connectionsDropped({ count, limit }: { count: number; limit: number }): void {
      logger.warn('connections turned away', { count, limit, setting: '--max-connections' });
    },

    draining(activeRequests: number): void {
      logger.info('draining', { activeRequests });
    },
  };
}

function toLogFields(inference: InferenceRecord) {
  return {
    keyId: inference.keyId,
    model: inference.model,
    nodeId: inference.nodeId,
    outcome: inference.outcome,
    stream: inference.isStream,
    attempts: inference.attempts,
    promptTokens: inference.promptTokens,
    cachedTokens: inference.cachedTokens,
    completionTokens: inference.completionTokens,
    queueMs: round(inference.queueMs),
    firstTokenMs: round(inference.firstTokenMs),
    finishReason: inference.finishReason,
  };
}

function recordInference(metrics: ControllerMetrics, inference: InferenceRecord, durationMs: number): void {
  const { model, outcome: status, keyId } = inference;
  const nodeId = inference.nodeId ?? noNode;
  metrics.inferenceRequests.inc({ model, status });
  metrics.apiKeyRequests.inc({ key_id: keyId, status });
  if (status !== 'rejected') metrics.inferenceDuration.observe({ model, node_id: nodeId }, durationMs / 1000);
  metrics.prefixCacheQueriedTokens.inc({ model, node_id: nodeId }, inference.promptTokens);
  metrics.promptCachedTokens.inc({ model, node_id: nodeId }, inference.cachedTokens);
  metrics.tokensGenerated.inc({ model, type: 'prompt' }, inference.promptTokens);
  metrics.tokensGenerated.inc({ model, type: 'completion' }, inference.completionTokens);
  if (inference.queueMs !== undefined) metrics.queueWait.observe({ model }, inference.queueMs / 1000);
  if (inference.firstTokenMs !== undefined) {
    metrics.timeToFirstToken.observe({ model, node_id: nodeId }, inference.firstTokenMs / 1000);
  }
  if (inference.isStream) {
    metrics.streamingRequests.inc({ model, status });
    if (inference.streamMs !== undefined)
      metrics.streamingDuration.observe({ model }, inference.streamMs / 1000);
  }
}
