import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  askForSlot as ask,
  createTestQueue,
  kindsOf as kinds,
  leaseOf,
  queueTimeoutMs as timeoutMs,
  SlotPool,
} from '../../../support/slotPool.js';
import { snapshot } from '../../../support/nodeSnapshots.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const createQueue = (pool: SlotPool, limit = 10) => createTestQueue(pool, { limit });

/** Lets promises that are settled call back; no time passes. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a request', () => {
  it('gets a free slot at once', async () => {
    const pool = new SlotPool({ m: 1 });
    const queue = createQueue(pool);
    const caller = ask(queue);
    await settle();
    expect(leaseOf(caller).nodeId).toBe('worker_1');
    expect(queue.waiting()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits where no slot is free, and gets the next one', async () => {
    const pool = new SlotPool({ m: 1 });
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
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool);
    const callers = [ask(queue), ask(queue), ask(queue)];
    for (let served = 1; served <= callers.length; served++) {
      pool.grow('m', 1);
      await settle();
      expect(kinds(callers)).toEqual(callers.map((_, index) => (index < served ? 'granted' : undefined)));
    }
  });

  it('gets its slot together with the others when several become free', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool);
    const callers = [ask(queue), ask(queue), ask(queue)];
    pool.grow('m', 2);
    await settle();
    expect(kinds(callers)).toEqual(['granted', 'granted', undefined]);
    expect(pool.claimed).toBe(2);
  });

  it('does not overtake one that waits, although a slot is free', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool);
    const first = ask(queue);
    // Free without a word to the queue: whoever comes next brings it out.
    pool.free.set('m', 1);
    const second = ask(queue);
    await settle();
    expect(kinds([first, second])).toEqual(['granted', undefined]);
  });

  it('does not wait for another model', async () => {
    const pool = new SlotPool({ m: 0, x: 1 });
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
    const pool = new SlotPool({ m: 0 });
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
    const queue = createQueue(new SlotPool({ m: 0, x: 1 }), 1);
    ask(queue);
    const other = ask(queue, { model: 'x' });
    await settle();
    expect(kinds([other])).toEqual(['granted']);
  });

  it('may be one that nobody can wait in', async () => {
    const queue = createQueue(new SlotPool({ m: 1 }), 0);
    const callers = [ask(queue), ask(queue)];
    await settle();
    expect(kinds(callers)).toEqual(['granted', 'overflow']);
  });
});

describe('a wait', () => {
  it('ends when its time is over, neither sooner nor for the others', async () => {
    const pool = new SlotPool({ m: 0 });
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
    const pool = new SlotPool({ m: 0 });
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
    const pool = new SlotPool({ m: 1 });
    const queue = createQueue(pool);
    await expect(
      queue.admit({
        model: 'm',
        principal: { keyId: 'a', weight: 1, priority: 0 },
        signal: AbortSignal.abort(),
      }),
    ).resolves.toEqual({
      kind: 'aborted',
    });
    expect(pool.claimed).toBe(0);
    expect(queue.waiting()).toBe(0);
  });

  it('ends once: a client that leaves afterwards changes nothing', async () => {
    const pool = new SlotPool({ m: 0 });
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
    const pool = new SlotPool({ m: 0 });
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
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool);
    const waiting = ask(queue);
    const retry = ask(queue, { history: noHistory });
    pool.grow('m', 1);
    await settle();
    expect(kinds([waiting, retry])).toEqual([undefined, 'granted']);
  });

  it('takes a free slot at once, although others wait', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool);
    const waiting = ask(queue);
    pool.free.set('m', 1);
    const retry = ask(queue, { history: noHistory });
    await settle();
    expect(kinds([waiting, retry])).toEqual([undefined, 'granted']);
  });

  it('is not turned away by a full queue', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createQueue(pool, 1);
    ask(queue);
    const retry = ask(queue, { history: noHistory });
    await settle();
    expect(kinds([retry])).toEqual([undefined]);
    expect(queue.waiting()).toBe(2);
  });

  it('waits no longer than the others', async () => {
    const queue = createQueue(new SlotPool({ m: 0 }));
    const retry = ask(queue, { history: noHistory });
    await vi.advanceTimersByTimeAsync(timeoutMs);
    expect(kinds([retry])).toEqual(['timedOut']);
  });
});

describe('a request that avoids the node that failed it', () => {
  const history = { failedOn: new Set(['worker_1']), busyNodeId: undefined };
  const busyOther = snapshot('worker_2', { slotsTotal: 1, slotsFree: 0 });

  it('waits for another one beside its free slots', async () => {
    const pool = new SlotPool({ m: 1 });
    pool.others = [busyOther];
    const queue = createQueue(pool);
    const retry = ask(queue, { history });
    pool.change();
    await settle();
    expect(kinds([retry])).toEqual([undefined]);
    expect(pool.claimed).toBe(0);
  });

  it('keeps nobody else from them, whether they come later or wait behind it', async () => {
    const pool = new SlotPool({ m: 1 });
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
    const pool = new SlotPool({ m: 1 });
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
    const pool = new SlotPool({ m: 1 });
    pool.lostClaims = ['worker_1'];
    const caller = ask(createQueue(pool));
    await settle();
    expect(kinds([caller])).toEqual(['granted']);
  });

  it('becomes a wait where nothing is free any more', async () => {
    const pool = new SlotPool({ m: 1 });
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

describe('priorities', () => {
  it('go before the order of arrival, and behind requests that are tried again', async () => {
    const pool = new SlotPool({ m: 0 });
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
    const pool = new SlotPool({ m: 1 });
    const queue = createQueue(pool);
    const [running, batch] = [ask(queue), ask(queue, { priority: -1 })];
    await settle();
    const urgent = ask(queue, { priority: 1 });
    leaseOf(running).return();
    await settle();
    expect(kinds([urgent, batch])).toEqual(['granted', undefined]);
  });
});
