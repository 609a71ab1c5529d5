import type { AttemptHistory } from '../routing/leastBusy.js';
import type { NodeSnapshot } from '../routing/nodeSnapshot.js';
import type { SlotLease } from './slotLease.js';

/** How a wait for a slot ended. */
export type Admission =
  | { readonly kind: 'granted'; readonly lease: SlotLease }
  /** The queue is full. */
  | { readonly kind: 'overflow' }
  | { readonly kind: 'timedOut' }
  | { readonly kind: 'aborted' };

export interface AdmissionRequest {
  readonly model: string;
  /** Larger goes first. */
  readonly priority: number;
  readonly signal: AbortSignal;
  /** Of a request that was admitted before and lost its worker: it goes first and is never turned away. */
  readonly history?: AttemptHistory | undefined;
}

/** Requests wait here until a slot is free and claimed for them. */
export interface AdmissionQueue {
  admit(request: AdmissionRequest): Promise<Admission>;
  readonly limit: number;
  waiting(): number;
  waitingFor(model: string): number;
  /** Seconds until a new request may find a place, from 1 to 60, by the recent rate of service. */
  retryAfterSeconds(): number;
}

export interface AdmissionQueueOptions {
  readonly pool: {
    snapshotsFor(model: string): NodeSnapshot[];
    tryClaim(nodeId: string, model: string): SlotLease | undefined;
    onChange(listener: () => void): void;
  };
  readonly pick: (nodes: readonly NodeSnapshot[], history?: AttemptHistory) => NodeSnapshot | undefined;
  readonly limit: number;
  readonly timeoutMs: number;
  readonly now: () => number;
}

interface Waiter {
  readonly model: string;
  readonly priority: number;
  readonly history: AttemptHistory | undefined;
  readonly settle: (admission: Admission) => void;
}

/** Weight of the newest holding time in the mean. */
const smoothing = 0.2;

/** A bounded queue, first in, first out for each model and priority. */
export function createAdmissionQueue(options: AdmissionQueueOptions): AdmissionQueue {
  const { pool, pick, limit, timeoutMs, now } = options;
  const waiters: Waiter[] = [];
  let meanHoldMs = 1_000;

  function claim(model: string, history: AttemptHistory | undefined): SlotLease | undefined {
    for (;;) {
      const node = pick(pool.snapshotsFor(model), history);
      if (!node) return undefined;
      const lease = pool.tryClaim(node.nodeId, model);
      if (lease) return timed(lease);
    }
  }

  /** Notes how long slots are held, for the estimate of the waiting time. */
  function timed(lease: SlotLease): SlotLease {
    const claimedAt = now();
    let isReturned = false;
    return {
      ...lease,
      return: () => {
        if (isReturned) return;
        isReturned = true;
        meanHoldMs += smoothing * (now() - claimedAt - meanHoldMs);
        lease.return();
      },
    };
  }

  function grantWhatFits(): void {
    const blocked = new Set<string>();
    for (const waiter of [...waiters]) {
      if (blocked.has(waiter.model)) continue;
      const lease = claim(waiter.model, waiter.history);
      if (lease) waiter.settle({ kind: 'granted', lease });
      else if (!waiter.history) blocked.add(waiter.model);
    }
  }

  pool.onChange(grantWhatFits);

  return {
    limit,
    admit({ model, priority, signal, history }) {
      if (signal.aborted) return Promise.resolve({ kind: 'aborted' });
      const isRetry = history !== undefined;
      // A waiter with a history may wait beside a free slot that it avoids: nobody stands behind it.
      const isFirst =
        isRetry ||
        !waiters.some((waiter) => waiter.model === model && !waiter.history && waiter.priority >= priority);
      const lease = isFirst ? claim(model, history) : undefined;
      if (lease) return Promise.resolve({ kind: 'granted', lease });
      if (!isRetry && waiters.length >= limit) return Promise.resolve({ kind: 'overflow' });

      return new Promise((resolve) => {
        const timer = setTimeout(() => waiter.settle({ kind: 'timedOut' }), timeoutMs);
        const onAbort = () => waiter.settle({ kind: 'aborted' });
        const waiter: Waiter = {
          model,
          priority,
          history,
          settle: (admission) => {
            const place = waiters.indexOf(waiter);
            if (place < 0) return;
            waiters.splice(place, 1);
            clearTimeout(timer);
            signal.removeEventListener('abort', onAbort);
            resolve(admission);
          },
        };
        signal.addEventListener('abort', onAbort);
        // Retries stand before all others, in their own order.
        const goesFirst = (other: Waiter) =>
          other.history !== undefined || (!isRetry && other.priority >= priority);
        const place = waiters.findIndex((other) => !goesFirst(other));
        waiters.splice(place < 0 ? waiters.length : place, 0, waiter);
      });
    },
    waiting: () => waiters.length,
    waitingFor: (model) => waiters.filter((waiter) => waiter.model === model).length,
    retryAfterSeconds: () => {
      const models = new Set(waiters.map((waiter) => waiter.model));
      const slots = Math.max(
        1,
        [...models].reduce(
          (sum, model) => sum + pool.snapshotsFor(model).reduce((total, node) => total + node.slotsTotal, 0),
          0,
        ),
      );
      const seconds = (waiters.length / slots) * (meanHoldMs / 1000);
      return Math.min(60, Math.max(1, Math.ceil(seconds)));
    },
  };
}
