import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from './logger.js';

/** How one try of a request on one worker ended; `cancelled`: the client left, its time was over, or it made room. */
export type AttemptOutcome = 'success' | 'error' | 'timeout' | 'refused' | 'cancelled';

/** `resume`: behind tokens that another attempt has made. */
export type AttemptKind = 'first' | 'retry' | 'resume';

export interface AttemptRecord {
  readonly nodeId: string;
  readonly outcome: AttemptOutcome;
  readonly attempt: AttemptKind;
  /** It brought a new token. */
  readonly hasProgressed: boolean;
  /** Of the prompt, and of what was resumed, what the worker had to evaluate. */
  readonly tokensToRead: number;
}

export type RetryReason = 'unreachable' | 'lost' | 'silent' | 'garbage' | 'error' | 'busy';
const retryReasons = ['unreachable', 'lost', 'silent', 'garbage', 'error', 'busy'] as const;
const resumeResults = ['success', 'failed', 'cancelled'] as const;

export type RecoveryMetrics = ReturnType<typeof createRecoveryMetrics>;

/** What it costs that workers fail. */
export function createRecoveryMetrics(registers: Registry[], readRetryBudget: () => number) {
  const metrics = {
    upstreamAttempts: new Counter({
      name: 'ai_cluster_upstream_attempts_total',
      help: 'Tries of requests on workers by how they ended; a request has more than one where a worker fails',
      labelNames: ['node_id', 'outcome', 'attempt'],
      registers,
    }),
    retries: new Counter({
      name: 'ai_cluster_retries_total',
      help: 'Tries that followed another one, by what was wrong with that',
      labelNames: ['reason'],
      registers,
    }),
    streamResumes: new Counter({
      name: 'ai_cluster_stream_resumes_total',
      help: 'Answers that went on at another worker, by whether that brought a new token or the end',
      labelNames: ['result'],
      registers,
    }),
    tokensWasted: new Counter({
      name: 'ai_cluster_tokens_wasted_total',
      help: 'Tokens that were evaluated by tries that did not come to their end',
      registers,
    }),
  };
  new Gauge({
    name: 'ai_cluster_retry_budget_remaining_ratio',
    help: 'Share of the retry budget of the last 10 seconds that is left; 0: nothing is tried again',
    registers,
    collect() {
      this.set(readRetryBudget());
    },
  });
  for (const reason of retryReasons) metrics.retries.inc({ reason }, 0);
  for (const result of resumeResults) metrics.streamResumes.inc({ result }, 0);
  return metrics;
}

/** One function for each thing that happens when a worker fails. */
export function createRecoveryEvents({ logger, metrics }: { logger: Logger; metrics: RecoveryMetrics }) {
  return {
    attemptEnded({ nodeId, outcome, attempt, hasProgressed, tokensToRead }: AttemptRecord): void {
      metrics.upstreamAttempts.inc({ node_id: nodeId, outcome, attempt });
      if (outcome !== 'success') metrics.tokensWasted.inc(tokensToRead);
      if (attempt !== 'resume') return;
      const isSuccess = outcome === 'success' || hasProgressed;
      const failure = outcome === 'cancelled' ? 'cancelled' : 'failed';
      metrics.streamResumes.inc({ result: isSuccess ? 'success' : failure });
    },

    requestRetried(reason: RetryReason): void {
      metrics.retries.inc({ reason });
    },

    /** Two workers died of it. */
    requestQuarantined(request: { requestId: string; nodeId: string; fingerprint: string }): void {
      logger.error('request quarantined', request);
    },
  };
}
