import { setTimeout as delay } from 'node:timers/promises';
import type { AdmissionQueue } from '../cluster/admissionQueue.js';
import type { SlotLease } from '../cluster/slotLease.js';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';
import { ApiError } from '../protocol/apiError.js';
import type { GenerateRequest, GenerationEvent } from '../protocol/generation.js';
import type { AttemptHistory } from '../routing/leastBusy.js';
import { UpstreamError, type WorkerClient } from './upstream/workerClient.js';

/** What is learned about a request on its way; read by the log line and the metrics. */
export interface DispatchTrace {
  nodeId?: string;
  fingerprint?: string;
  attempts: number;
  queueMs?: number;
  firstTokenAt?: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
}

export type DispatchEvent = Exclude<GenerationEvent, { type: 'error' }>;

/** Runs a request on some worker, and on another one where the first fails. */
export type Dispatch = (
  request: GenerateRequest,
  signal: AbortSignal,
  trace: DispatchTrace,
) => AsyncGenerator<DispatchEvent, void, undefined>;

export interface DispatcherDeps {
  readonly queue: AdmissionQueue;
  readonly pool: Pick<WorkerPool, 'disconnected'>;
  readonly workers: WorkerClient;
  readonly events: Pick<ControllerEvents, 'attemptFailed'>;
  /** How long a worker that has no slot after all (409) is asked again, from the arrival of the request on. */
  readonly queueTimeoutMs: number;
}

const maxAttempts = 3;
/** A worker may still be ending the step in which a slot was given up; it says 409 until then. */
const lostClaimDelayMs = 20;

/**
 * The life of a request: wait for a slot, run, and where a worker fails, run on elsewhere with the tokens that are
 * already there, so that the client sees a pause, no token twice and none missing.
 *
 * The generator yields `accepted` once, ends after `done`, and throws ApiError. Ending it early frees the slot.
 */
export function createDispatcher({ queue, pool, workers, events, queueTimeoutMs }: DispatcherDeps): Dispatch {
  return async function* dispatch(request, signal, trace) {
    const tokens = [...request.resumeTokens];
    const failedOn = new Set<string>();
    const startedAt = performance.now();
    let isAccepted = false;
    let lease = await admit(request, signal);
    trace.queueMs ??= performance.now() - startedAt;

    try {
      for (;;) {
        trace.nodeId = lease.nodeId;
        trace.fingerprint = lease.fingerprint;
        trace.attempts++;
        try {
          for await (const event of workers.generate(
            lease.url,
            { ...request, resumeTokens: tokens },
            signal,
          )) {
            if (event.type === 'accepted') {
              trace.promptTokens = event.promptTokens;
              if (isAccepted) continue;
              trace.cachedTokens = event.cachedTokens;
              isAccepted = true;
            } else if (event.type === 'text') {
              trace.firstTokenAt ??= performance.now();
              tokens.push(...event.tokenIds);
              trace.completionTokens = tokens.length;
              lease.countTokens(event.tokenIds.length);
            }
            if (event.type !== 'error') yield event;
            if (event.type === 'done') return;
          }
        } catch (error) {
          if (signal.aborted) throw abortError(signal);
          if (!(error instanceof UpstreamError)) throw error;
          const verdict = await afterFailure(error, lease, request, trace, startedAt);
          if (verdict === 'failed') failedOn.add(lease.nodeId);
          const busyNodeId = verdict === 'busy' ? lease.nodeId : undefined;
          // Asked for before the old slot is given back, so that no later request takes the turn of this one.
          const next = admit(request, signal, { failedOn, busyNodeId });
          lease.return();
          lease = await next;
        }
      }
    } finally {
      lease.return();
    }
  };

  async function admit(
    request: GenerateRequest,
    signal: AbortSignal,
    history?: AttemptHistory,
  ): Promise<SlotLease> {
    const admission = await queue.admit({ model: request.model, signal, history });
    switch (admission.kind) {
      case 'granted':
        return admission.lease;
      case 'aborted':
        throw abortError(signal);
      case 'timedOut':
        throw new ApiError('queue_timeout', { retryAfterSeconds: queue.retryAfterSeconds() });
      case 'overflow':
        throw new ApiError('server_is_overloaded', {
          message: `The server is overloaded: ${queue.limit} requests are waiting already. Please try again later.`,
          retryAfterSeconds: queue.retryAfterSeconds(),
        });
    }
  }

  /** Says what is known of the node where the request is to be tried again; throws what the client is told otherwise. */
  async function afterFailure(
    error: UpstreamError,
    lease: SlotLease,
    request: GenerateRequest,
    trace: DispatchTrace,
    startedAt: number,
  ): Promise<'busy' | 'failed'> {
    const code = error.failure?.code;
    if (code === 'no_free_slot' && performance.now() - startedAt < queueTimeoutMs) {
      trace.attempts--;
      await delay(lostClaimDelayMs);
      return 'busy';
    }
    if (error.kind === 'lost') pool.disconnected(lease.nodeId, lease.instanceId, error.message);

    const isRetryable = error.failure?.retryable ?? true;
    const willRetry = isRetryable && trace.attempts < maxAttempts;
    const { requestId } = request;
    if (isRetryable) {
      const failed = {
        requestId,
        nodeId: lease.nodeId,
        attempt: trace.attempts,
        reason: error.message,
        willRetry,
      };
      events.attemptFailed(failed);
    }
    if (willRetry) return 'failed';
    if (code === 'context_length_exceeded') {
      throw new ApiError('context_length_exceeded', { message: error.message, param: 'messages' });
    }
    if (code === 'invalid_prompt')
      throw new ApiError('invalid_value', { message: error.message, param: 'messages' });
    throw new ApiError('worker_failed', { cause: error });
  }
}

/** The server gives its reason as an ApiError; a client that left gives none. */
function abortError(signal: AbortSignal): ApiError {
  return signal.reason instanceof ApiError ? signal.reason : new ApiError('request_aborted');
}
