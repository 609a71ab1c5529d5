import {
  type AttemptKind,
  type AttemptOutcome,
  type ErrorClass,
  type RetryReason,
} from '../metrics/labels.js';
import type { EventDeps } from './eventDeps.js';

/** One try of a request on one worker. All times are of `performance.now()`. */
export interface AttemptRecord {
  readonly nodeId: string;
  readonly kind: AttemptKind;
  readonly outcome: AttemptOutcome;
  /** Why it was this worker. */
  readonly decision: {
    readonly policy: string;
    readonly reason: string;
    readonly timing?: { readonly decidedAt: number; readonly tookMs: number };
  };
  /** When its wait for the slot began, and when it had it. */
  readonly queuedAt: number;
  readonly startedAt: number;
  /** When the worker first said something, when it had taken the request, and when it brought the first new token. */
  readonly firstByteAt?: number;
  readonly acceptedAt?: number;
  readonly firstTokenAt?: number;
  /** Undefined: it goes on behind a client that has left. */
  readonly endedAt?: number;
  /** Of the prompt, and of what was resumed, what the worker had to evaluate. */
  readonly tokensToRead: number;
  /** New ones. */
  readonly tokensGenerated: number;
  /** Events that the worker sent. */
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
    attemptEnded(attempt: AttemptRecord & { readonly endedAt: number }): void {
      const { outcome, kind, startedAt, firstByteAt, endedAt } = attempt;
      const node_id = names.nodeLabel(attempt.nodeId);
      metrics.upstreamAttempts.inc({ node_id, outcome, attempt: kind });
      metrics.upstreamAttemptDuration.observe({ node_id }, (endedAt - startedAt) / 1000);
      metrics.upstreamMessages.inc({ direction: 'sent', type: 'request' });
      metrics.upstreamMessages.inc({ direction: 'received', type: 'chunk' }, attempt.chunks);
      if (firstByteAt !== undefined)
        metrics.upstreamLatency.observe({ node_id, phase: 'first_byte' }, (firstByteAt - startedAt) / 1000);
      if (outcome !== 'success') metrics.tokensWasted.inc({}, attempt.tokensToRead);
      if (kind !== 'resume') return;
      const isSuccess = outcome === 'success' || attempt.tokensGenerated > 0;
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
