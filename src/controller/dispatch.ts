import { setTimeout as delay } from 'node:timers/promises';
import type { AdmissionQueue } from '../cluster/admissionQueue.js';
import type { SlotLease } from '../cluster/slotLease.js';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';
import { ApiError } from '../protocol/apiError.js';
import type { GenerateRequest } from '../protocol/generateRequest.js';
import type { GenerationEvent, GenerationFailure } from '../protocol/generation.js';
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
  /** How long workers that refuse, because they have no slot after all (409), are asked again. */
  readonly queueTimeoutMs: number;
}

const maxAttempts = 3;
/** A worker may still be ending the step in which a slot was given up; it says 409 until then. */
const refusalDelayMs = 20;
/** What a healthy worker says that cannot take the request now; anything else counts as a failed attempt. */
const busyCodes: ReadonlySet<GenerationFailure['code'] | undefined> = new Set([
  'no_free_slot',
  'model_not_loaded',
  'draining',
]);

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
    let refusedSince: number | undefined;
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
              refusedSince = undefined;
              trace.promptTokens = event.promptTokens;
              if (isAccepted) continue;
              trace.cachedTokens = event.cachedTokens;
              isAccepted = true;
            } else if (event.type === 'output') {
              trace.firstTokenAt ??= performance.now();
              tokens.push(...event.tokenIds);
              trace.completionTokens = tokens.length;
              lease.countTokens(event.tokenIds.length);
            } else if (event.type === 'done') {
              trace.cachedTokens = event.usage.cachedTokens;
            }
            if (event.type !== 'error') yield event;
            if (event.type === 'done') return;
          }
        } catch (error) {
          if (signal.aborted) throw abortError(signal);
          if (!(error instanceof UpstreamError)) throw error;
          const isBusy = error.kind === 'refused' && busyCodes.has(error.failure?.code);
          if (isBusy) {
            refusedSince ??= performance.now();
            await waitAfterRefusal(refusedSince, trace);
          } else {
            noteFailure(error, lease, request, trace);
            failedOn.add(lease.nodeId);
          }
          const busyNodeId = isBusy ? lease.nodeId : undefined;
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

  /** A worker without a free slot, or about to stop, has done nothing wrong: that is no attempt. */
  async function waitAfterRefusal(refusedSince: number, trace: DispatchTrace): Promise<void> {
    if (performance.now() - refusedSince >= queueTimeoutMs) {
      throw new ApiError('server_is_overloaded', { retryAfterSeconds: queue.retryAfterSeconds() });
    }
    trace.attempts--;
    await delay(refusalDelayMs);
  }

  /** Returns where the request is to be tried again; throws what the client is told otherwise. */
  function noteFailure(
    error: UpstreamError,
    lease: SlotLease,
    request: GenerateRequest,
    trace: DispatchTrace,
  ): void {
    const { message } = error;
    switch (error.failure?.code) {
      case 'context_length_exceeded':
        throw new ApiError('context_length_exceeded', { message, param: 'messages' });
      case 'invalid_prompt':
        throw new ApiError('invalid_value', { message, param: 'messages' });
      case 'invalid_request':
        throw new ApiError('invalid_value', { message });
      case 'unsupported_schema':
        throw new ApiError('unsupported_value', { message });
      default:
    }
    if (error.kind === 'lost') pool.disconnected(lease.nodeId, lease.instanceId, message);
    const willRetry = (error.failure?.retryable ?? true) && trace.attempts < maxAttempts;
    events.attemptFailed({
      requestId: request.requestId,
      nodeId: lease.nodeId,
      attempt: trace.attempts,
      reason: message,
      willRetry,
    });
    if (!willRetry) throw new ApiError('worker_failed', { cause: error });
  }
}

/** The server gives its reason as an ApiError; a client that left gives none. */
function abortError(signal: AbortSignal): ApiError {
  return signal.reason instanceof ApiError ? signal.reason : new ApiError('request_aborted');
}
