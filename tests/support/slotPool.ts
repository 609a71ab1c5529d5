import { createAdmissionQueue, type AdmissionQueueOptions } from '../../src/cluster/queue/admissionQueue.js';
import type { Admission, AdmissionQueue, AdmissionRequest } from '../../src/cluster/queue/admission.js';
import type { NodeLease, SlotLease } from '../../src/cluster/slotLease.js';
import { leastBusy } from '../../src/routing/leastBusy.js';
import type { NodeSnapshot } from '../../src/routing/nodeSnapshot.js';
import { snapshot } from './nodeSnapshots.js';

/** Slots of each model on one worker, as a pool hands them out. */
export class SlotPool {
  readonly free = new Map<string, number>();
  readonly total = new Map<string, number>();
  /** Claims to refuse although the snapshot shows a free slot: somebody else was faster. */
  lostClaims: string[] = [];
  claimed = 0;
  returned = 0;
  /** Further nodes, as they are shown; nothing of theirs can be claimed. */
  others: NodeSnapshot[] = [];
  #listener = () => {};

  constructor(slots: Record<string, number>) {
    for (const [model, count] of Object.entries(slots)) {
      this.free.set(model, count);
      this.total.set(model, count);
    }
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  snapshotsFor(model: string): NodeSnapshot[] {
    const slotsFree = this.free.get(model) ?? 0;
    const slotsTotal = Math.max(slotsFree, this.total.get(model) ?? 0);
    return [snapshot('worker_1', { slotsTotal, slotsFree }), ...this.others];
  }

  tryClaim(nodeId: string, model: string): NodeLease | undefined {
    const free = this.free.get(model) ?? 0;
    if (this.lostClaims.includes(nodeId) || free === 0) {
      this.lostClaims = this.lostClaims.filter((lost) => lost !== nodeId);
      return undefined;
    }
    this.claimed++;
    this.free.set(model, free - 1);
    return {
      nodeId,
      instanceId: 'a',
      url: 'http://127.0.0.1:8081',
      fingerprint: 'fp',
      accepted: () => undefined,
      countTokens: () => undefined,
      holds: () => undefined,
      report: () => undefined,
      return: () => {
        this.returned++;
        this.grow(model, 1);
      },
    };
  }

  /** More free slots, as when a node joins or a lease is returned. */
  grow(model: string, count: number): void {
    this.free.set(model, (this.free.get(model) ?? 0) + count);
    this.#listener();
  }

  change(): void {
    this.#listener();
  }
}

export const queueTimeoutMs = 5_000;

/** Its clock is `performance.now()`, which fake timers move. */
export function createTestQueue(
  pool: AdmissionQueueOptions['pool'],
  options: Partial<AdmissionQueueOptions> & { limit?: number } = {},
): AdmissionQueue {
  return createAdmissionQueue({
    pool,
    route: leastBusy,
    limits: { requests: options.limit ?? 10, promptBytes: 1_000_000 },
    timeoutMs: queueTimeoutMs,
    now: () => performance.now(),
    ...options,
  });
}

/** One that asks for a slot. */
export interface Caller {
  readonly abort: AbortController;
  /** Undefined while it waits. */
  outcome: Admission | undefined;
}

export interface Asking extends Partial<Omit<AdmissionRequest, 'principal'>> {
  readonly keyId?: string;
  readonly weight?: number;
  readonly priority?: number;
}

export function askForSlot(queue: AdmissionQueue, asking: Asking = {}): Caller {
  const { keyId = 'a', weight = 1, priority = 0, ...options } = asking;
  const caller: Caller = { abort: new AbortController(), outcome: undefined };
  const principal = { keyId, weight, priority };
  void queue.admit({ model: 'm', principal, signal: caller.abort.signal, ...options }).then((admission) => {
    caller.outcome = admission;
  });
  return caller;
}

export const kindsOf = (callers: readonly Caller[]) => callers.map(({ outcome }) => outcome?.kind);

/** @throws where it was not granted one. */
export function leaseOf({ outcome }: Caller): SlotLease {
  if (outcome?.kind !== 'granted') throw new Error(`not granted: ${String(outcome?.kind)}`);
  return outcome.lease;
}
