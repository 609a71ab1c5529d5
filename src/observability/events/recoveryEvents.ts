import {
  type AttemptKind,
  type AttemptOutcome,
  type ErrorClass,
  type RetryReason,
} from '../metrics/labels.js';
import type { EventDeps } from './eventDeps.js';

export interface AttemptRecord {
  readonly nodeId: string;
  readonly outcome: AttemptOutcome;
  readonly attempt: AttemptKind;
  /** It brought a new token. */
  readonly hasProgressed: boolean;
  /** Of the prompt, and of what was resumed, what the worker had to evaluate. */
  readonly tokensToRead: number;
  readonly durationMs: number;
  /** Until the worker said that it has it; undefined where it never did. */
  readonly firstByteMs: number | undefined;
  /** Events that it sent. */
  readonly chunks: number;
}

export interface AttemptFailure {
  readonly requestId: string;
  readonly nodeId: string;
  readonly attempt: number;
  readonly reason: string;
  readonly errorClass: ErrorClass;
  readonly willRetry: boolean;
}

/** What happens when requests are tried, and when workers fail them. */
export function createRecoveryEvents({ logger, metrics, names }: EventDeps) {
  return {
    attemptEnded(record: AttemptRecord): void {
      const { outcome, attempt, hasProgressed, tokensToRead, durationMs, firstByteMs, chunks } = record;
      const node_id = names.nodeLabel(record.nodeId);
      metrics.upstreamAttempts.inc({ node_id, outcome, attempt });
      metrics.upstreamAttemptDuration.observe({ node_id }, durationMs / 1000);
      metrics.upstreamMessages.inc({ direction: 'sent', type: 'request' });
      metrics.upstreamMessages.inc({ direction: 'received', type: 'chunk' }, chunks);
      if (firstByteMs !== undefined)
        metrics.upstreamLatency.observe({ node_id, phase: 'first_byte' }, firstByteMs / 1000);
      if (outcome !== 'success') metrics.tokensWasted.inc({}, tokensToRead);
      if (attempt !== 'resume') return;
      const isSuccess = outcome === 'success' || hasProgressed;
      const failure = outcome === 'cancelled' ? 'cancelled' : 'failed';
      metrics.streamResumes.inc({ result: isSuccess ? 'success' : failure });
    },

    attemptFailed({ errorClass, ...failure }: AttemptFailure): void {
      metrics.errors.inc({ class: errorClass, node_id: names.nodeLabel(failure.nodeId) });
      logger.warn('attempt failed', failure);
    },

    requestRetried(reason: RetryReason): void {
      metrics.retries.inc({ reason });
    },

    /** Two workers died of it. */
    requestQuarantined(request: { requestId: string; nodeId: string; fingerprint: string }): void {
      logger.error('request quarantined', request);
    },

    /** Batch work gave up its slot and waits to go on. */
    requestPaused(pause: { requestId: string; model: string; nodeId: string; pauses: number }): void {
      metrics.queuePauses.inc({ model: names.modelLabel(pause.model) });
      logger.debug('paused', pause);
    },
  };
}
