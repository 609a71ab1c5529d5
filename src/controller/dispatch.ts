import { setTimeout as delay } from 'node:timers/promises';
import type { AdmissionQueue } from '../cluster/admissionQueue.js';
import type { SlotLease } from '../cluster/slotLease.js';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';
import { ApiError } from '../protocol/apiError.js';
import type { GenerateRequest } from '../protocol/generateRequest.js';
import type { GenerationEvent } from '../protocol/generation.js';
import type { AttemptHistory } from '../routing/leastBusy.js';
import { abortError, isBusyRefusal, throwClientsMistake, type ClientParams } from './upstream/refusals.js';
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

/** What every request needs on its way, whatever it asks of a worker. */
export interface DispatchTarget {
  readonly requestId: string;
  readonly model: string;
  readonly principal: { readonly priority: number };
}

export interface DispatchOptions extends ClientParams {
  /** Ends the request; with an ApiError as reason where the server does it. */
  readonly signal: AbortSignal;
  readonly trace: DispatchTrace;
}

/** Runs requests on some worker, and on another one where the first fails. */
export interface Dispatcher {
  /** The generator yields `accepted` once, ends after `done`, and throws ApiError. Ending it early frees the slot. */
  generate(
    request: GenerateRequest,
    options: DispatchOptions,
  ): AsyncGenerator<DispatchEvent, void, undefined>;
  /**
   * Work with one answer: `run` is given the address of a worker that has a slot for it.
   *
   * @throws ApiError
   */
  call<T>(
    target: DispatchTarget,
    options: DispatchOptions,
    run: (url: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

export interface DispatcherDeps {
  readonly queue: AdmissionQueue;
  readonly pool: Pick<WorkerPool, 'disconnected'>;
  readonly workers: Pick<WorkerClient, 'generate'>;
  readonly events: Pick<ControllerEvents, 'attemptFailed'>;
  /** How long workers that refuse, because they have no slot after all (409), are asked again. */
  readonly queueTimeoutMs: number;
}

export const maxAttempts = 3;
/** A worker may still be ending the step in which a slot was given up; it says 409 until then. */
const refusalDelayMs = 20;

/**
 * The life of a request: wait for a slot, run, and where a worker fails, run on elsewhere with the tokens that are
 * already there, so that the client sees a pause, no token twice and none missing.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { queue, pool, workers, events, queueTimeoutMs } = deps;

  async function* generate(request: GenerateRequest, options: DispatchOptions) {
    const { signal, trace } = options;
    const tokens = [...request.resumeTokens];
    let isAccepted = false;
    yield* attempt(request, options, async function* (lease, noteProgress) {
      for await (const event of workers.generate(lease.url, { ...request, resumeTokens: tokens }, signal)) {
        if (event.type === 'error') continue;
        if (event.type === 'accepted') {
          noteProgress();
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
        yield event;
      }
    });
  }

  async function call<T>(
    target: DispatchTarget,
    options: DispatchOptions,
    run: (url: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const results = attempt(target, options, async function* (lease) {
      yield await run(lease.url, options.signal);
    });
    for await (const result of results) return result;
    throw new Error('an attempt ended without a result');
  }

  /** Gives `work` a slot until it comes to its end; what it yields before it fails stays. */
  async function* attempt<T>(
    target: DispatchTarget,
    { signal, trace, ...params }: DispatchOptions,
    work: (lease: SlotLease, noteProgress: () => void) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const failedOn = new Set<string>();
    const startedAt = performance.now();
    let refusedSince: number | undefined;
    let lease = await admit(target, signal);
    trace.queueMs ??= performance.now() - startedAt;

    try {
      for (;;) {
        trace.nodeId = lease.nodeId;
        trace.fingerprint = lease.fingerprint;
        trace.attempts++;
        try {
          yield* work(lease, () => (refusedSince = undefined));
          return;
        } catch (error) {
          if (signal.aborted) throw abortError(signal);
          if (!(error instanceof UpstreamError)) throw error;
          const isBusy = isBusyRefusal(error);
          if (isBusy) {
            refusedSince ??= performance.now();
            await waitAfterRefusal(refusedSince, trace);
          } else {
            throwClientsMistake(error, params);
            noteFailure(error, lease, target.requestId, trace);
            failedOn.add(lease.nodeId);
          }
          const busyNodeId = isBusy ? lease.nodeId : undefined;
          // Asked for before the old slot is given back, so that no later request takes the turn of this one.
          const next = admit(target, signal, { failedOn, busyNodeId });
          lease.return();
          lease = await next;
        }
      }
    } finally {
      lease.return();
    }
  }

  async function admit(
    { model, principal }: DispatchTarget,
    signal: AbortSignal,
    history?: AttemptHistory,
  ): Promise<SlotLease> {
    const admission = await queue.admit({ model, priority: principal.priority, signal, history });
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
    requestId: string,
    trace: DispatchTrace,
  ): void {
    const { message } = error;
    if (error.kind === 'lost') pool.disconnected(lease.nodeId, lease.instanceId, message);
    const willRetry = (error.failure?.retryable ?? true) && trace.attempts < maxAttempts;
    events.attemptFailed({
      requestId,
      nodeId: lease.nodeId,
      attempt: trace.attempts,
      reason: message,
      willRetry,
    });
    if (!willRetry) throw new ApiError('worker_failed', { cause: error });
  }

  return { generate, call };
}
