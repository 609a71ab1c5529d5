import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createAdmissionQueue,
  type Admission,
  type AdmissionQueue,
  type AdmissionQueueOptions,
  type AdmissionRequest,
} from '../../../src/cluster/admissionQueue.js';
import type { SlotLease } from '../../../src/cluster/slotLease.js';
import type { NodeSnapshot } from '../../../src/routing/nodeSnapshot.js';
import { pickLeastBusy } from '../../../src/routing/leastBusy.js';

/** Slots of each model, as a pool hands them out. */
class FakePool {
  readonly free = new Map<string, number>();
  readonly total = new Map<string, number>();
  /** Claims to refuse although the snapshot shows a free slot: somebody else was faster. */
  lostClaims: string[] = [];
  claimed = 0;
  returned = 0;
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

  /** Further nodes, as they are shown; nothing of theirs can be claimed. */
  others: NodeSnapshot[] = [];

  snapshotsFor(model: string): NodeSnapshot[] {
    const slotsFree = this.free.get(model) ?? 0;
    const slotsTotal = this.total.get(model) ?? 0;
    return [{ nodeId: 'worker_1', isReady: true, slotsTotal, slotsFree, claims: 0 }, ...this.others];
  }

  tryClaim(nodeId: string, model: string): SlotLease | undefined {
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
      countTokens: () => undefined,
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

let now: number;
const timeoutMs = 5_000;

beforeEach(() => {
  now = 0;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

function createQueue(pool: AdmissionQueueOptions['pool'], limit = 10): AdmissionQueue {
  return createAdmissionQueue({ pool, pick: pickLeastBusy, limit, timeoutMs, now: () => now });
}

interface Caller {
  readonly abort: AbortController;
  /** Undefined while it waits. */
  outcome: Admission | undefined;
}

function ask(queue: AdmissionQueue, options: Partial<AdmissionRequest> = {}): Caller {
  const caller: Caller = { abort: new AbortController(), outcome: undefined };
  const request = { model: 'm', priority: 0, signal: caller.abort.signal, ...options };
  void queue.admit(request).then((admission) => {
    caller.outcome = admission;
  });
  return caller;
}

/** Lets promises that are settled call back; no time passes. */
const settle = () => vi.advanceTimersByTimeAsync(0);
const kinds = (callers: readonly Caller[]) => callers.map(({ outcome }) => outcome?.kind);

function leaseOf(caller: Caller): SlotLease {
  if (caller.outcome?.kind !== 'granted') throw new Error(`not granted: ${String(caller.outcome?.kind)}`);
  return caller.outcome.lease;
}

describe('a request', () => {
  it('gets a free slot at once', async () => {
    const pool = new FakePool({ m: 1 });
    const queue = createQueue(pool);
    const caller = ask(queue);
    await settle();
    expect(leaseOf(caller).nodeId).toBe('worker_1');
    expect(queue.waiting()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits where no slot is free, and gets the next one', async () => {
    const pool = new FakePool({ m: 1 });
    const queue = createQueue(pool);
    const [first, second] = [ask(queue), ask(queue)];
    await settle();
    expect(kinds([first, second])).toEqual(['granted', undefined]);
    expect(queue.waiting()).toBe(1);
    leaseOf(first).return();
    await settle();
    expect(kinds([second])).toEqual(['granted']);
    expect(queue.waiting()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is served in the order of arrival', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const callers = [ask(queue), ask(queue), ask(queue)];
    for (let served = 1; served <= callers.length; served++) {
      pool.grow('m', 1);
      await settle();
      expect(kinds(callers)).toEqual(callers.map((_, index) => (index < served ? 'granted' : undefined)));
    }
  });

  it('gets its slot together with the others when several become free', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const callers = [ask(queue), ask(queue), ask(queue)];
    pool.grow('m', 2);
    await settle();
    expect(kinds(callers)).toEqual(['granted', 'granted', undefined]);
    expect(pool.claimed).toBe(2);
  });

  it('does not overtake one that waits, although a slot is free', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const first = ask(queue);
    // Free without a word to the queue: the next change hands it out.
    pool.free.set('m', 1);
    const second = ask(queue);
    await settle();
    expect(kinds([first, second])).toEqual([undefined, undefined]);
    pool.change();
    await settle();
    expect(kinds([first, second])).toEqual(['granted', undefined]);
  });

  it('does not wait for another model', async () => {
    const pool = new FakePool({ m: 0, x: 1 });
    const queue = createQueue(pool);
    const blocked = [ask(queue), ask(queue)];
    const other = ask(queue, { model: 'x' });
    await settle();
    expect(kinds([...blocked, other])).toEqual([undefined, undefined, 'granted']);

    const next = ask(queue, { model: 'x' });
    expect([queue.waiting(), queue.waitingFor('m'), queue.waitingFor('x'), queue.waitingFor('y')]).toEqual([
      3, 2, 1, 0,
    ]);
    leaseOf(other).return();
    await settle();
    expect(kinds([...blocked, next])).toEqual([undefined, undefined, 'granted']);
  });
});

describe('a full queue', () => {
  it('turns away what comes, and takes in again when there is room', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool, 2);
    const callers = [ask(queue), ask(queue), ask(queue)];
    await settle();
    expect(queue.limit).toBe(2);
    expect(kinds(callers)).toEqual([undefined, undefined, 'overflow']);
    pool.grow('m', 1);
    const later = ask(queue);
    await settle();
    expect(kinds([...callers, later])).toEqual(['granted', undefined, 'overflow', undefined]);
  });

  it('still serves a model with a free slot', async () => {
    const queue = createQueue(new FakePool({ m: 0, x: 1 }), 1);
    ask(queue);
    const other = ask(queue, { model: 'x' });
    await settle();
    expect(kinds([other])).toEqual(['granted']);
  });

  it('may be one that nobody can wait in', async () => {
    const queue = createQueue(new FakePool({ m: 1 }), 0);
    const callers = [ask(queue), ask(queue)];
    await settle();
    expect(kinds(callers)).toEqual(['granted', 'overflow']);
  });
});

describe('a wait', () => {
  it('ends when its time is over, neither sooner nor for the others', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const first = ask(queue);
    await vi.advanceTimersByTimeAsync(1_000);
    const second = ask(queue);
    await vi.advanceTimersByTimeAsync(3_999);
    expect(kinds([first, second])).toEqual([undefined, undefined]);
    await vi.advanceTimersByTimeAsync(1);
    expect(kinds([first, second])).toEqual(['timedOut', undefined]);
    expect(queue.waiting()).toBe(1);
    pool.grow('m', 1);
    await settle();
    expect(kinds([first, second])).toEqual(['timedOut', 'granted']);
    expect(pool.claimed).toBe(1);
  });

  it('ends when the client leaves, and takes no slot', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const [first, second] = [ask(queue), ask(queue)];
    first.abort.abort();
    await settle();
    expect(kinds([first, second])).toEqual(['aborted', undefined]);
    expect(queue.waiting()).toBe(1);
    expect(vi.getTimerCount()).toBe(1);
    pool.grow('m', 1);
    await settle();
    expect(kinds([first, second])).toEqual(['aborted', 'granted']);
    expect(pool.claimed).toBe(1);
  });

  it('does not begin where the client has left already', async () => {
    const pool = new FakePool({ m: 1 });
    const queue = createQueue(pool);
    await expect(queue.admit({ model: 'm', priority: 0, signal: AbortSignal.abort() })).resolves.toEqual({
      kind: 'aborted',
    });
    expect(pool.claimed).toBe(0);
    expect(queue.waiting()).toBe(0);
  });

  it('ends once: a client that leaves afterwards changes nothing', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const caller = ask(queue);
    const other = ask(queue);
    pool.grow('m', 1);
    caller.abort.abort();
    await settle();
    expect(kinds([caller, other])).toEqual(['granted', undefined]);
    await vi.advanceTimersByTimeAsync(timeoutMs);
    expect(kinds([caller, other])).toEqual(['granted', 'timedOut']);
  });
});

describe('a request that lost its worker', () => {
  const noHistory = { failedOn: new Set<string>(), busyNodeId: undefined };

  it('goes behind those that lost theirs before', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const waiting = ask(queue);
    const first = ask(queue, { history: noHistory });
    const second = ask(queue, { history: noHistory });
    pool.grow('m', 1);
    await settle();
    expect(kinds([waiting, first, second])).toEqual([undefined, 'granted', undefined]);
    pool.grow('m', 1);
    await settle();
    expect(kinds([waiting, first, second])).toEqual([undefined, 'granted', 'granted']);
  });

  it('goes before those that wait', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const waiting = ask(queue);
    const retry = ask(queue, { history: noHistory });
    pool.grow('m', 1);
    await settle();
    expect(kinds([waiting, retry])).toEqual([undefined, 'granted']);
  });

  it('takes a free slot at once, although others wait', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const waiting = ask(queue);
    pool.free.set('m', 1);
    const retry = ask(queue, { history: noHistory });
    await settle();
    expect(kinds([waiting, retry])).toEqual([undefined, 'granted']);
  });

  it('is not turned away by a full queue', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool, 1);
    ask(queue);
    const retry = ask(queue, { history: noHistory });
    await settle();
    expect(kinds([retry])).toEqual([undefined]);
    expect(queue.waiting()).toBe(2);
  });

  it('waits no longer than the others', async () => {
    const queue = createQueue(new FakePool({ m: 0 }));
    const retry = ask(queue, { history: noHistory });
    await vi.advanceTimersByTimeAsync(timeoutMs);
    expect(kinds([retry])).toEqual(['timedOut']);
  });
});

describe('a request that avoids the node that failed it', () => {
  const history = { failedOn: new Set(['worker_1']), busyNodeId: undefined };
  const busyOther = { nodeId: 'worker_2', isReady: true, slotsTotal: 1, slotsFree: 0, claims: 0 };

  it('waits for another one beside its free slots', async () => {
    const pool = new FakePool({ m: 1 });
    pool.others = [busyOther];
    const queue = createQueue(pool);
    const retry = ask(queue, { history });
    pool.change();
    await settle();
    expect(kinds([retry])).toEqual([undefined]);
    expect(pool.claimed).toBe(0);
  });

  it('keeps nobody else from them, whether they come later or wait behind it', async () => {
    const pool = new FakePool({ m: 1 });
    pool.others = [busyOther];
    const queue = createQueue(pool);
    const retry = ask(queue, { history });
    const [later, behind] = [ask(queue), ask(queue)];
    await settle();
    expect(kinds([retry, later, behind])).toEqual([undefined, 'granted', undefined]);
    leaseOf(later).return();
    await settle();
    expect(kinds([retry, behind])).toEqual([undefined, 'granted']);
  });

  it('takes one of them when no other node is left', async () => {
    const pool = new FakePool({ m: 1 });
    pool.others = [busyOther];
    const queue = createQueue(pool);
    const retry = ask(queue, { history });
    pool.others = [];
    pool.change();
    await settle();
    expect(leaseOf(retry).nodeId).toBe('worker_1');
  });
});

describe('a claim that somebody else was faster with', () => {
  it('is tried again on a new snapshot', async () => {
    const pool = new FakePool({ m: 1 });
    pool.lostClaims = ['worker_1'];
    const caller = ask(createQueue(pool));
    await settle();
    expect(kinds([caller])).toEqual(['granted']);
  });

  it('becomes a wait where nothing is free any more', async () => {
    const pool = new FakePool({ m: 1 });
    const original = pool.tryClaim.bind(pool);
    pool.tryClaim = () => {
      pool.free.set('m', 0);
      pool.tryClaim = original;
      return undefined;
    };
    const caller = ask(createQueue(pool));
    await settle();
    expect(kinds([caller])).toEqual([undefined]);
    pool.grow('m', 1);
    await settle();
    expect(kinds([caller])).toEqual(['granted']);
  });
});

describe('the time to try again', () => {
  it('is at least a second', () => {
    expect(createQueue(new FakePool({ m: 4 })).retryAfterSeconds()).toBe(1);
    expect(createQueue(new FakePool({})).retryAfterSeconds()).toBe(1);
  });

  /** Holds a slot a few times for so long that the mean is near it. */
  async function holdSlots(queue: AdmissionQueue, holdMs: number) {
    for (let time = 0; time < 60; time++) {
      const caller = ask(queue);
      await settle();
      now += holdMs;
      leaseOf(caller).return();
    }
  }

  it('grows with those that wait and with how long a slot is held', async () => {
    const pool = new FakePool({ m: 2 });
    const queue = createQueue(pool, 100);
    await holdSlots(queue, 4_000);
    for (let waiting = 0; waiting < 12; waiting++) ask(queue);
    // Two of them got a slot; ten wait for two slots that are held for 4 s each.
    expect(queue.waiting()).toBe(10);
    expect(queue.retryAfterSeconds()).toBe(20);
  });

  it('counts the time of a lease once, however often it is returned', async () => {
    const pool = new FakePool({ m: 1 });
    const queue = createQueue(pool, 100);
    await holdSlots(queue, 4_000);
    const caller = ask(queue);
    await settle();
    const lease = leaseOf(caller);
    now += 4_000;
    lease.return();
    now += 1_000_000;
    lease.return();
    expect(pool.returned).toBe(61);
    for (let waiting = 0; waiting < 3; waiting++) ask(queue);
    expect(queue.retryAfterSeconds()).toBe(8);
  });

  it('is shorter the more slots there are, of the models that are waited for', async () => {
    const pool = new FakePool({ m: 4, idle: 100 });
    const queue = createQueue(pool, 100);
    await holdSlots(queue, 4_000);
    for (let waiting = 0; waiting < 14; waiting++) ask(queue);
    expect(queue.retryAfterSeconds()).toBe(10);
  });

  it('is a minute at most', async () => {
    const queue = createQueue(new FakePool({ m: 1 }), 1_000);
    await holdSlots(queue, 100_000);
    for (let waiting = 0; waiting < 500; waiting++) ask(queue);
    expect(queue.retryAfterSeconds()).toBe(60);
  });

  it('is a minute at most where no node is there', () => {
    const queue = createQueue(new FakePool({}), 1_000);
    for (let waiting = 0; waiting < 500; waiting++) ask(queue);
    expect(queue.retryAfterSeconds()).toBe(60);
  });
});

describe('priorities', () => {
  it('go before the order of arrival, and behind requests that are tried again', async () => {
    const pool = new FakePool({ m: 0 });
    const queue = createQueue(pool);
    const batch = ask(queue, { priority: -1 });
    const normal = ask(queue);
    const urgent = ask(queue, { priority: 1 });
    const laterNormal = ask(queue);
    const retry = ask(queue, { priority: -1, history: { failedOn: new Set(), busyNodeId: undefined } });
    const order = [retry, urgent, normal, laterNormal, batch];
    for (let served = 1; served <= order.length; served++) {
      pool.grow('m', 1);
      await settle();
      expect(kinds(order)).toEqual(order.map((_, index) => (index < served ? 'granted' : undefined)));
    }
  });

  it('let a request pass that comes while lower ones wait and a slot is free for it', async () => {
    const pool = new FakePool({ m: 1 });
    const queue = createQueue(pool);
    const [running, batch] = [ask(queue), ask(queue, { priority: -1 })];
    await settle();
    const urgent = ask(queue, { priority: 1 });
    leaseOf(running).return();
    await settle();
    expect(kinds([urgent, batch])).toEqual(['granted', undefined]);
  });
});
