import type { RoutingPolicy } from '../../routing/policy.js';
import type { Admission, AdmissionQueue } from './admission.js';
import { ageingMsFor } from './priorityClass.js';
import { ModelQueue, type SlotPool } from './modelQueue.js';
import type { QueueLimits } from './queueBounds.js';
import type { Waiter } from './waiter.js';

export interface AdmissionQueueOptions {
  readonly pool: SlotPool & { onChange(listener: () => void): void };
  readonly route: RoutingPolicy;
  /** For each model. */
  readonly limits: QueueLimits;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/**
 * Requests wait here until a slot is free and claimed for them: one bounded queue a model. Who is next is decided in
 * {@link FairLine}; here are the promises and the timers.
 */
export function createAdmissionQueue(options: AdmissionQueueOptions): AdmissionQueue {
  const { pool, route, limits, timeoutMs, now } = options;
  const ageingMs = ageingMsFor(timeoutMs);
  const queues = new Map<string, ModelQueue>();

  function queueOf(model: string): ModelQueue {
    const queue = queues.get(model) ?? new ModelQueue({ model, pool, route, limits, ageingMs, now });
    queues.set(model, queue);
    return queue;
  }

  pool.onChange(() => {
    for (const queue of queues.values()) queue.grantWhatFits();
  });

  return {
    limit: limits.requests,
    admit(request) {
      const { signal, deadlineAt = Infinity, waitsUntil = Infinity, pauses = 0, onWaiting } = request;
      if (signal.aborted) return Promise.resolve({ kind: 'aborted' });
      if (deadlineAt <= now()) return Promise.resolve({ kind: 'expired' });
      const queue = queueOf(request.model);

      return new Promise((resolve) => {
        let isSettled = false;
        let timer: NodeJS.Timeout | undefined;
        const settle = (admission: Admission) => {
          if (isSettled) return;
          isSettled = true;
          queue.leave(waiter);
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          resolve(admission);
        };
        const onAbort = () => settle({ kind: 'aborted' });
        const waiter: Waiter = queue.enter(request, settle);
        queue.grantWhatFits();
        if (!isSettled) queue.keepBounds(waiter);
        if (isSettled) return;

        signal.addEventListener('abort', onAbort);
        const patienceMs = Math.min(pauses > 0 ? Infinity : timeoutMs, waitsUntil - now());
        const leftMs = deadlineAt - now();
        const isDeadline = leftMs <= patienceMs;
        const onTimeout = () => settle(isDeadline ? { kind: 'expired' } : queue.timedOut(waiter));
        const waitMs = Math.max(0, Math.min(leftMs, patienceMs));
        if (waitMs < Infinity) timer = setTimeout(onTimeout, waitMs);
        onWaiting?.(() => (isSettled ? undefined : queue.placeOf(waiter)));
      });
    },
    waiting: () => [...queues.values()].reduce((sum, { waiting }) => sum + waiting, 0),
    waitingFor: (model) => queues.get(model)?.waiting ?? 0,
    views: () => [...queues.values()].map((queue) => queue.view(now())),
    retryAfterSeconds: (model) => queueOf(model).retryAfterSeconds(),
  };
}
