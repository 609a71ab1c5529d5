import { setTimeout as delay } from 'node:timers/promises';
import type { RetryBudget } from '../../cluster/retryBudget.js';
import type { SlotLease } from '../../cluster/slotLease.js';
import type { WorkerFates } from '../../cluster/workerFates.js';
import type { WorkerPool } from '../../cluster/workerPool.js';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import type { DispatchOptions, DispatchTarget } from '../dispatchTarget.js';
import type { UpstreamError } from '../upstream/upstreamError.js';
import { AttemptLimits } from './attemptLimits.js';
import { errorClassOf } from './errorClassOf.js';
import { judgeFailure, type FailureReason } from './judgeFailure.js';
import type { Suspicions, SuspicionsOf } from './suspicions.js';

export interface RecoveryDeps {
  readonly pool: Pick<WorkerPool, 'disconnected' | 'stalled'>;
  readonly fates: Pick<WorkerFates, 'hasDied' | 'isLeaving' | 'wasKilled'>;
  readonly budget: RetryBudget;
  readonly suspicionsOf: SuspicionsOf;
  readonly events: Pick<ControllerEvents, 'attemptFailed' | 'requestRetried'>;
  readonly now: () => number;
  /** For all waits of a request together, from its first failure on. */
  readonly queueTimeoutMs: number;
  readonly retryAfterSeconds: (model: string) => number;
}

/** A worker may still be ending the step in which a slot was given up; it says 409 until then. */
const firstRefusalDelayMs = 20;
const maxRefusalDelayMs = 500;

/** What becomes of one request when its attempts fail. */
export class RequestRecovery {
  readonly limits: AttemptLimits;
  readonly suspicions: Suspicions;
  /** Nodes that failed it since its last token, or that are leaving. */
  readonly failedOn = new Set<string>();
  /** Processes that were lost with it since its last token. */
  #lostWith: string[] = [];
  readonly #deps: RecoveryDeps;
  readonly #target: DispatchTarget;
  readonly #options: DispatchOptions;
  #refusalDelayMs = firstRefusalDelayMs;

  constructor(deps: RecoveryDeps, target: DispatchTarget, options: DispatchOptions) {
    this.#deps = deps;
    this.#target = target;
    this.#options = options;
    this.limits = new AttemptLimits(deps.queueTimeoutMs);
    this.suspicions = deps.suspicionsOf(target);
  }

  /** The worker has brought something that is not needed again. */
  progressed(): void {
    if (this.limits.hasProgressed) return;
    this.limits.progressed();
    this.failedOn.clear();
    this.#lostWith = [];
    this.suspicions.progressed();
  }

  /**
   * Resolves when the request may be tried again.
   *
   * @throws ApiError what the client is told where it may not
   */
  async recoverFrom(error: UpstreamError, lease: SlotLease): Promise<void> {
    const verdict = judgeFailure(error, this.#options);
    if (verdict.kind === 'final') throw verdict.error;
    if (verdict.kind === 'busy') return this.#waitForRoom(lease.nodeId, verdict.reason === 'leaving');
    const { reason } = verdict;
    this.#tellNode(reason, error.message, lease);
    const { events, fates, now } = this.#deps;
    const isBroken = reason === 'lost' || reason === 'unreachable';
    if (isBroken && fates.isLeaving(lease.instanceId)) return this.#waitForRoom(lease.nodeId, true);
    if (reason === 'lost') this.#lostWith.push(lease.instanceId);
    const excused = this.#lostWith.filter((instanceId) => fates.wasKilled(instanceId)).length;
    const isAllowed = verdict.isRetryable && this.limits.failed(reason, now(), excused);
    const refusal = isAllowed
      ? await this.#refusalOf(reason, lease)
      : new ApiError('worker_failed', { cause: error });
    events.attemptFailed({
      requestId: this.#target.requestId,
      nodeId: lease.nodeId,
      attempt: this.#options.trace.attempts,
      reason: error.message,
      errorClass: errorClassOf(reason, error),
      willRetry: refusal === undefined,
    });
    if (refusal) throw refusal;
    this.failedOn.add(lease.nodeId);
    events.requestRetried(reason);
  }

  async #refusalOf(reason: FailureReason, lease: SlotLease): Promise<ApiError | undefined> {
    await this.suspicions.settled();
    if (this.suspicions.isQuarantined()) return new ApiError('request_crashes_workers');
    const { budget, fates, now, retryAfterSeconds } = this.#deps;
    if (this.limits.hasProgressed || budget.tryTake(now())) return undefined;
    // A worker that died takes nothing more: moving on from there makes no storm.
    if (reason === 'lost' && (await fates.hasDied(lease.instanceId))) return undefined;
    const message = 'The workers fail too many requests. Please try again later.';
    return new ApiError('server_is_overloaded', {
      message,
      retryAfterSeconds: retryAfterSeconds(this.#target.model),
    });
  }

  /** Nothing is held against a worker that stops in order. */
  #tellNode(reason: FailureReason, message: string, lease: SlotLease): void {
    const { pool, fates } = this.#deps;
    const { nodeId, instanceId } = lease;
    if (reason === 'lost' || reason === 'unreachable') pool.disconnected(nodeId, instanceId, message);
    if (reason === 'silent') pool.stalled(nodeId, instanceId, message);
    if (!fates.isLeaving(instanceId)) lease.report('failed');
  }

  /** A worker without a free slot, or about to stop, has done nothing wrong: that is no attempt. */
  async #waitForRoom(nodeId: string, isLeaving: boolean): Promise<void> {
    const { budget, events, now, retryAfterSeconds } = this.#deps;
    const { trace, signal } = this.#options;
    trace.attempts--;
    this.limits.withdrawn();
    const isNews = isLeaving && !this.failedOn.has(nodeId);
    if (isLeaving) this.failedOn.add(nodeId);
    const mayGoOn = () => !isLeaving || budget.tryTake(now());
    let isWaiting = !isNews || !mayGoOn();
    while (isWaiting) {
      if (!this.limits.mayWait(now())) {
        throw new ApiError('server_is_overloaded', {
          retryAfterSeconds: retryAfterSeconds(this.#target.model),
        });
      }
      await delay(this.#refusalDelayMs, undefined, { signal }).catch(() => undefined);
      this.#refusalDelayMs = Math.min(2 * this.#refusalDelayMs, maxRefusalDelayMs);
      isWaiting = !signal.aborted && !mayGoOn();
    }
    events.requestRetried('busy');
  }
}
