import type { Batch, BatchStatus } from '../../protocol/openai/batches.js';
import { describeError } from '../describeError.js';
import type { BucketTally } from '../metrics/bucketTally.js';
import { noNode, unmatchedPath, type ErrorClass, type Outcome } from '../metrics/labels.js';
import type { EventDeps } from './eventDeps.js';
import { countInference, toLogFields, type InferenceRecord } from './inferenceRecord.js';

export interface RequestRecord {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly method: string;
  /** The route's template; undefined where none matched. */
  readonly path: string | undefined;
  /** 499 where the client left before the answer began. */
  readonly status: number;
  /** By `performance.now()`. */
  readonly endedAt: number;
  readonly durationMs: number;
  readonly inference: InferenceRecord | undefined;
  /** The span of the client that it belongs to, as `traceparent` says it. */
  readonly traceParent?: string | undefined;
  /** Why it failed, for the log; never shown to the client. */
  readonly error: string | undefined;
}

export interface BatchLineRecord extends Pick<
  RequestRecord,
  'requestId' | 'status' | 'endedAt' | 'durationMs' | 'error'
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

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Asked every few seconds by machines: counted, but not worth a line each. */
const quietPaths = new Set(['/health', '/ready', '/cluster/status']);
const round = (value: number) => Math.round(value * 10) / 10;

/** What happens to requests of clients. */
export function createRequestEvents({ logger, metrics, names, tracer }: EventDeps) {
  /** Since the start, for `/cluster/status`. */
  const totals = { requests: 0, errors: 0 };

  function count(inference: InferenceRecord, durationMs: number): void {
    totals.requests++;
    if (inference.outcome === 'error') totals.errors++;
    countInference({ metrics, names }, inference, durationMs);
  }

  function countError(status: number): void {
    const errorClass = classOf(status);
    if (errorClass) metrics.errors.inc({ class: errorClass, node_id: noNode });
  }

  return {
    totals: (): Readonly<typeof totals> => totals,

    requestFinished(record: RequestRecord): void {
      const { inference, status } = record;
      const labels = {
        method: knownMethods.has(record.method) ? record.method : 'other',
        path: record.path ?? unmatchedPath,
        status: String(status),
      };
      metrics.httpRequests.inc(labels);
      metrics.httpRequestDuration.observe(labels, record.durationMs / 1000);
      if (inference?.isCounted) {
        count(inference, record.durationMs);
        tracer?.requestEnded({ ...record, path: labels.path, inference }, record.traceParent);
      }
      const isProbe = record.path !== undefined && quietPaths.has(record.path);
      if (!isProbe) countError(status);

      const isAnswer = record.path === '/ready' && status === 503;
      const isError = (status >= 500 && !isAnswer) || inference?.outcome === 'error';
      const level = isError ? 'error' : 'info';
      if (status < 500 && isProbe) return;
      logger[level]('request', {
        requestId: record.requestId,
        clientRequestId: record.clientRequestId,
        method: record.method,
        path: labels.path,
        status,
        durationMs: round(record.durationMs),
        ...(inference && toLogFields(inference)),
        error: record.error,
      });
    },

    /** A request that came in the file of a batch: counted like one of a client, but not as one over HTTP. */
    batchLineFinished(record: BatchLineRecord): void {
      const { inference } = record;
      count(inference, record.durationMs);
      countError(record.status);
      tracer?.requestEnded(record);
      metrics.batchRequests.inc({ status: inference.outcome satisfies Outcome });
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

    /** Of an answer that goes on, or has ended: the times between its tokens since the last call. */
    tokensStreamed({ model, nodeId, gaps }: { model: string; nodeId: string; gaps: BucketTally }): void {
      if (gaps.count === 0) return;
      const labels = { model: names.modelLabel(model), node_id: names.nodeLabel(nodeId) };
      metrics.interTokenLatency.add(labels, gaps);
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

    /** What a request used could not be stored: it is in this line alone. */
    usageLost({ error, ...use }: { keyId: string; model: string; error: unknown } & UsedTokens): void {
      logger.error('usage lost', { ...use, reason: describeError(error) });
    },
  };
}

/** Of requests that were turned away. What workers failed is counted with their tries. */
function classOf(status: number): ErrorClass | undefined {
  if (status === 401 || status === 403) return 'auth';
  if (status === 408 || status === 504) return 'timeout';
  if (status === 429 || status === 503) return 'overload';
  if (status === 500) return 'internal';
  return status >= 400 && status < 499 ? 'validation' : undefined;
}
