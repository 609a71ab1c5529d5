import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  mostPauses,
  pickPauses,
  shortestRunMs,
  type Pausable,
} from '../../../../src/cluster/queue/pausing.js';
import { askForSlot, createTestQueue, kindsOf, leaseOf, SlotPool } from '../../../support/slotPool.js';

function run(fields: Partial<Pausable> = {}): Pausable {
  return { nodeId: 'w', startedAt: 0, pauses: 0, promptTokens: 10, tokens: 5, isYielding: false, ...fields };
}

const pick = (running: Pausable[], wanted = 1, nowMs = shortestRunMs) =>
  pickPauses(running, { wanted, nowMs, isUsable: (nodeId) => nodeId === 'w' });

describe('the run that is paused', () => {
  it('is the one that loses least, of equals the youngest', () => {
    const [long, short] = [run({ tokens: 500 }), run({ tokens: 50 })];
    const [old, young] = [run({ tokens: 90 }), run({ tokens: 90, startedAt: 1_000 })];
    expect(pick([long, short, old], 2, 9_000)).toEqual([short, old]);
    expect(pick([old, young, long], 1, 9_000)).toEqual([young]);
    expect(pick([run({ promptTokens: 9_000 }), long], 1)).toEqual([long]);
  });

  it('has lasted for some time, for longer each time, and has brought something', () => {
    expect(pick([run()], 1, shortestRunMs - 1)).toEqual([]);
    expect(pick([run()])).toHaveLength(1);
    expect(pick([run({ tokens: 0 })], 1, 60_000)).toEqual([]);
    for (let pauses = 0; pauses < mostPauses; pauses++) {
      const needed = shortestRunMs * 2 ** pauses;
      expect(pick([run({ pauses })], 1, needed - 1)).toEqual([]);
      expect(pick([run({ pauses })], 1, needed)).toHaveLength(1);
    }
  });

  it('is left alone after the most pauses', () => {
    expect(pick([run({ pauses: mostPauses })], 1, 1e9)).toEqual([]);
  });

  it('is on a node where the slot is of use', () => {
    expect(pick([run({ nodeId: 'other' })])).toEqual([]);
  });

  it('is no further one where enough were told already', () => {
    const told = run({ isYielding: true });
    expect(pick([told, run()], 1)).toEqual([]);
    expect(pick([told, run(), run()], 2)).toHaveLength(1);
  });
});

describe('batch work', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

  const batch = { priority: -1, canPause: true } as const;

  it('gives its slot to a request that waits, and gets it back afterwards', async () => {
    const pool = new SlotPool({ m: 1 });
    const queue = createTestQueue(pool);
    const line = askForSlot(queue, batch);
    await settle();
    const lease = leaseOf(line);
    lease.countTokens(3);
    await settle(shortestRunMs);
    expect(lease.yieldSignal?.aborted).toBe(false);

    const urgent = askForSlot(queue, { priority: 1 });
    await settle();
    expect(kindsOf([urgent])).toEqual([undefined]);
    expect(lease.yieldSignal?.aborted).toBe(true);

    const again = askForSlot(queue, { ...batch, pauses: 1 });
    lease.return();
    await settle();
    expect(kindsOf([urgent, again])).toEqual(['granted', undefined]);
    leaseOf(urgent).return();
    await settle();
    expect(kindsOf([again])).toEqual(['granted']);
  });

  it('that waits again is not turned away, and waits for as long as it takes', async () => {
    const pool = new SlotPool({ m: 0 });
    const queue = createTestQueue(pool, { limit: 0 });
    const paused = askForSlot(queue, { ...batch, pauses: 1 });
    await settle(1e6);
    expect(kindsOf([paused])).toEqual([undefined]);
    expect(vi.getTimerCount()).toBe(0);
    pool.grow('m', 1);
    await settle();
    expect(kindsOf([paused])).toEqual(['granted']);
  });

  it('keeps its slot from other batch work, and from requests that find one of their own', async () => {
    const pool = new SlotPool({ m: 2 });
    const queue = createTestQueue(pool);
    const [first, second] = [askForSlot(queue, batch), askForSlot(queue, batch)];
    await settle();
    for (const caller of [first, second]) leaseOf(caller).countTokens(1);
    await settle(shortestRunMs);
    askForSlot(queue, batch);
    await settle();
    leaseOf(first).return();
    await settle();
    expect(leaseOf(second).yieldSignal?.aborted).toBe(false);
  });

  it('is told when it has run for long enough, if the other still waits', async () => {
    const pool = new SlotPool({ m: 1 });
    const queue = createTestQueue(pool);
    const line = askForSlot(queue, batch);
    await settle();
    const lease = leaseOf(line);
    lease.countTokens(1);
    const normal = askForSlot(queue);
    await settle(shortestRunMs - 1);
    pool.change();
    expect(lease.yieldSignal?.aborted).toBe(false);
    await settle(1);
    pool.change();
    expect(lease.yieldSignal?.aborted).toBe(true);
    expect(kindsOf([normal])).toEqual([undefined]);
  });

  it('is not told where it cannot go on later, nor are requests of other classes', async () => {
    const pool = new SlotPool({ m: 2 });
    const queue = createTestQueue(pool);
    const callers = [askForSlot(queue, { priority: -1 }), askForSlot(queue, { canPause: true })];
    await settle();
    for (const caller of callers) {
      leaseOf(caller).countTokens(1);
      expect(leaseOf(caller).yieldSignal).toBeUndefined();
    }
  });
});
