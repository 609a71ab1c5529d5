import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Admission, AdmissionQueue } from '../../../../src/cluster/queue/admission.js';
import {
  askForSlot,
  createTestQueue,
  kindsOf,
  leaseOf,
  SlotPool,
  type Caller,
} from '../../../support/slotPool.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

const promptOf = (promptBytes: number) => ({
  promptBytes,
  promptTokens: promptBytes / 4,
  outputTokens: 10,
  prefixChain: { hashes: [], bytes: promptBytes },
});
const noHistory = { failedOn: new Set<string>(), busyNodeId: undefined };

describe('the bounds', () => {
  it('are those of one model each', async () => {
    const queue = createTestQueue(new SlotPool({ m: 0, x: 0 }), { limit: 1 });
    const callers = ['m', 'x', 'm'].map((model) => askForSlot(queue, { model }));
    await settle();
    expect(kindsOf(callers)).toEqual([undefined, undefined, 'overflow']);
    expect(queue.views()).toMatchObject([
      { model: 'm', waiting: 1 },
      { model: 'x', waiting: 1 },
    ]);
  });

  it('are also those of the prompts together', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createTestQueue(pool, { limits: { requests: 100, promptBytes: 1_000 } });
    const [first, second] = [
      askForSlot(queue, { work: promptOf(600) }),
      askForSlot(queue, { work: promptOf(600) }),
    ];
    const small = askForSlot(queue, { work: promptOf(400) });
    await settle(1_500);
    expect(kindsOf([first, second, small])).toEqual([undefined, 'overflow', undefined]);
    expect(queue.views()).toEqual([
      { model: 'm', waiting: 2, batch: 0, promptBytes: 1_000, oldestWaitMs: 1_500 },
    ]);
    pool.grow('m', 1);
    expect(queue.views()).toMatchObject([{ waiting: 1, promptBytes: 400 }]);
  });

  it('leave the whole queue to a key that is alone', async () => {
    const queue = createTestQueue(new SlotPool({ m: 0 }), { limit: 6 });
    const callers = Array.from({ length: 7 }, () => askForSlot(queue));
    await settle();
    expect(kindsOf(callers)).toEqual([...Array<undefined>(6).fill(undefined), 'overflow']);
  });

  it('give a second key its share, from the newest of the first, which is told that its share is full', async () => {
    const queue = createTestQueue(new SlotPool({ m: 0 }), { limit: 6 });
    const first = Array.from({ length: 6 }, () => askForSlot(queue, { keyId: 'a' }));
    const second = Array.from({ length: 4 }, () => askForSlot(queue, { keyId: 'b' }));
    await settle();
    expect(kindsOf(first)).toEqual([undefined, undefined, undefined, 'overShare', 'overShare', 'overShare']);
    expect(kindsOf(second)).toEqual([undefined, undefined, undefined, 'overShare']);
    expect(queue.waiting()).toBe(6);
    const more = askForSlot(queue, { keyId: 'a' });
    await settle();
    expect(kindsOf([more])).toEqual(['overShare']);
  });

  it('are shared by weight, and by the size of prompts too', async () => {
    const queue = createTestQueue(new SlotPool({ m: 0 }), { limits: { requests: 100, promptBytes: 900 } });
    const light = { keyId: 'a', weight: 1, work: promptOf(100) };
    const heavy = { keyId: 'b', weight: 2, work: promptOf(100) };
    const first = Array.from({ length: 9 }, () => askForSlot(queue, light));
    const second = Array.from({ length: 7 }, () => askForSlot(queue, heavy));
    await settle();
    expect(kindsOf(first).filter((kind) => kind === undefined)).toHaveLength(3);
    expect(kindsOf(second)).toEqual([...Array<undefined>(6).fill(undefined), 'overShare']);
  });

  it('count keys that run, and let any key have one that waits', async () => {
    const queue = createTestQueue(new SlotPool({ m: 1 }), { limit: 2 });
    askForSlot(queue, { keyId: 'runs' });
    const greedy = [askForSlot(queue, { keyId: 'a' }), askForSlot(queue, { keyId: 'a' })];
    const third = askForSlot(queue, { keyId: 'c' });
    await settle();
    expect(kindsOf(greedy)).toEqual([undefined, 'overShare']);
    expect(kindsOf([third])).toEqual([undefined]);
  });
});

describe('a deadline', () => {
  it('ends the wait, and no slot is taken after it', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createTestQueue(pool);
    const [late, patient] = [askForSlot(queue, { deadlineAt: performance.now() + 300 }), askForSlot(queue)];
    await settle(299);
    expect(kindsOf([late])).toEqual([undefined]);
    await settle(1);
    expect(kindsOf([late])).toEqual(['expired']);
    pool.grow('m', 1);
    await settle();
    expect(kindsOf([late, patient])).toEqual(['expired', 'granted']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that has passed is noticed before a slot is claimed, though its timer is late', async () => {
    const pool = new SlotPool({ m: 0 });
    let nowMs = 0;
    const queue = createTestQueue(pool, { now: () => nowMs });
    const [late, next] = [askForSlot(queue, { deadlineAt: 300 }), askForSlot(queue)];
    nowMs = 300;
    pool.grow('m', 1);
    await settle();
    expect(kindsOf([late, next])).toEqual(['expired', 'granted']);
    const tooLate = askForSlot(queue, { deadlineAt: 300 });
    await settle();
    expect(kindsOf([tooLate])).toEqual(['expired']);
    expect(pool.claimed).toBe(1);
  });

  it('is not the time until which a request waits: that is no slot in time', async () => {
    const queue = createTestQueue(new SlotPool({ m: 0 }));
    const caller = askForSlot(queue, {
      waitsUntil: performance.now() + 50,
      deadlineAt: performance.now() + 90,
    });
    await settle(50);
    expect(kindsOf([caller])).toEqual(['timedOut']);
  });
});

describe('a request that the policy lets wait beside free slots', () => {
  it('blocks nobody behind it, and is looked at again when its time is over', async () => {
    const pool = new SlotPool({ m: 2 });
    const asked: [number, number][] = [];
    const queue = createTestQueue(pool, {
      route: (_nodes, { promptTokens, passedOverMs, waitingAhead }) => {
        asked.push([passedOverMs, waitingAhead.get('hot') ?? 0]);
        const waits = promptTokens > 50 && passedOverMs < 200;
        const decision = { policy: 'prefix-aware', candidates: [] } as const;
        return waits
          ? { ...decision, nodeId: undefined, reason: 'awaited', awaited: { nodeId: 'hot', mostMs: 200 } }
          : { ...decision, nodeId: 'worker_1', reason: 'load' };
      },
    });
    const choosy = askForSlot(queue, { work: promptOf(400) });
    const other = askForSlot(queue, { work: promptOf(4) });
    await settle();
    expect(kindsOf([choosy, other])).toEqual([undefined, 'granted']);
    expect(asked).toEqual([
      [0, 0],
      [0, 0],
      [0, 1],
    ]);
    await settle(200);
    expect(kindsOf([choosy])).toEqual(['granted']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('whatever happens', () => {
  interface Step {
    readonly kind: 'ask' | 'return' | 'leave' | 'pass' | 'grow';
    readonly keyId: string;
    readonly priority: number;
    readonly isRetry: boolean;
    readonly bytes: number;
    readonly which: number;
    readonly ms: number;
  }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'ask', 'return', 'return', 'leave', 'pass', 'grow'),
    keyId: fc.constantFrom('a', 'b', 'c'),
    priority: fc.constantFrom(-1, 0, 1),
    isRetry: fc.boolean(),
    bytes: fc.integer({ min: 1, max: 400 }),
    which: fc.nat(1_000),
    ms: fc.nat(2_000),
  });
  const limits = { requests: 5, promptBytes: 1_000 };

  function checkInvariants(
    pool: SlotPool,
    queue: AdmissionQueue,
    bounded: () => number,
    slots: number,
  ): void {
    expect(pool.claimed - pool.returned).toBeLessThanOrEqual(slots);
    const [view] = queue.views();
    expect(view?.promptBytes ?? 0).toBeLessThanOrEqual(limits.promptBytes);
    expect(bounded()).toBeLessThanOrEqual(limits.requests);
  }

  it('each request comes to one end, no slot is given twice, and no bound is passed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const pool = new SlotPool({ m: 2 });
        let slots = 2;
        const queue = createTestQueue(pool, { limits });
        const callers: (Caller & { readonly isRetry: boolean; ends: number })[] = [];
        const waiting = () => callers.filter(({ outcome }) => outcome === undefined);
        for (const { kind, keyId, priority, isRetry, bytes, which, ms } of steps) {
          const held = callers.filter(({ outcome }) => outcome?.kind === 'granted');
          if (kind === 'ask') {
            const options = {
              keyId,
              priority,
              work: promptOf(bytes),
              ...(isRetry && { history: noHistory }),
            };
            const caller = Object.assign(askForSlot(queue, options), { isRetry, ends: 0 });
            let outcome: Admission | undefined;
            Object.defineProperty(caller, 'outcome', {
              get: () => outcome,
              set: (value: Admission) => {
                outcome = value;
                caller.ends++;
              },
            });
            callers.push(caller);
          }
          if (kind === 'return' && held.length > 0) leaseOf(held[which % held.length] as Caller).return();
          if (kind === 'leave') waiting()[which % (waiting().length || 1)]?.abort.abort();
          if (kind === 'grow') {
            slots++;
            pool.grow('m', 1);
          }
          await settle(kind === 'pass' ? ms : 0);
          checkInvariants(
            pool,
            queue,
            () => waiting().filter(({ isRetry: exempt }) => !exempt).length,
            slots,
          );
          expect(queue.waiting()).toBe(waiting().length);
          // Nobody waits while a slot is free.
          if (waiting().length > 0) expect(pool.free.get('m')).toBe(0);
          expect(
            callers.filter(({ isRetry: retry, outcome }) => retry && /over/.test(outcome?.kind ?? '')),
          ).toEqual([]);
        }
        await settle(10_000);
        expect(callers.map(({ ends }) => ends)).toEqual(callers.map(() => 1));
        expect(queue.waiting()).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it('256 claims at once get no more slots than there are', async () => {
    const pool = new SlotPool({ m: 7 });
    const queue = createTestQueue(pool, { limit: 300 });
    const callers = Array.from({ length: 256 }, (_, index) =>
      askForSlot(queue, { keyId: `key ${index % 5}` }),
    );
    for (let finished = 0; finished < 256; finished++) {
      await settle();
      expect(pool.claimed - pool.returned).toBe(Math.min(7, 256 - finished));
      const running = callers.filter(({ outcome }) => outcome?.kind === 'granted');
      expect(running.length).toBe(Math.min(256, finished + 7));
      leaseOf(running[finished] as Caller).return();
    }
    expect(pool.claimed).toBe(256);
    expect(pool.free.get('m')).toBe(7);
  });
});
