import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AdmissionQueue } from '../../../../src/cluster/queue/admission.js';
import { ServiceRate, toRetryAfterSeconds } from '../../../../src/cluster/queue/serviceRate.js';
import { askForSlot, createTestQueue, leaseOf, SlotPool, type Caller } from '../../../support/slotPool.js';

describe('the rate of service', () => {
  it('is the slots by the mean time for which one is held, while nothing waits', () => {
    const rate = new ServiceRate();
    expect(rate.perSecond(4, 0)).toBe(4);
    for (let time = 1; time <= 60; time++) rate.noteCompletion(4_000, time);
    expect(rate.perSecond(2, 60)).toBeCloseTo(0.5, 2);
  });

  it('is what is completed while requests wait, however it was before', () => {
    const rate = new ServiceRate();
    for (let time = 1; time <= 60; time++) rate.noteCompletion(4_000, time * 1_000);
    rate.noteWaiting(true, 100_000);
    for (let time = 1; time <= 20; time++) rate.noteCompletion(4_000, 100_000 + time * 250);
    expect(rate.perSecond(2, 105_000)).toBeCloseTo(4, 5);
    // Nothing more is completed: it becomes less.
    expect(rate.perSecond(2, 110_000)).toBeCloseTo(2, 5);
    rate.noteWaiting(false, 110_000);
    expect(rate.perSecond(2, 110_000)).toBeCloseTo(0.5, 2);
  });

  it('looks at the last half minute', () => {
    const rate = new ServiceRate();
    rate.noteWaiting(true, 0);
    for (let time = 1; time <= 60; time++) rate.noteCompletion(100, time * 100);
    for (let time = 1; time <= 30; time++) rate.noteCompletion(100, 10_000 + time * 1_000);
    expect(rate.perSecond(1, 40_000)).toBeCloseTo(1, 1);
  });

  it('is right where more is completed than is kept', () => {
    const rate = new ServiceRate();
    rate.noteWaiting(true, 0);
    for (let time = 1; time <= 2_000; time++) rate.noteCompletion(1, time * 5);
    expect(rate.perSecond(1, 10_000)).toBeCloseTo(200, 0);
  });

  it('is never nothing', () => {
    const rate = new ServiceRate();
    rate.noteWaiting(true, 0);
    expect(rate.perSecond(0, 3_600_000)).toBeGreaterThan(0);
  });

  it('makes 1 to 60 seconds', () => {
    expect(toRetryAfterSeconds(0, 10)).toBe(1);
    expect(toRetryAfterSeconds(25, 10)).toBe(3);
    expect(toRetryAfterSeconds(1e6, 0.001)).toBe(60);
  });
});

describe('a request', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

  /** Each slot is held for so long, over and over. */
  async function serveSteadily(queue: AdmissionQueue, callers: Caller[], holdMs: number, times: number) {
    for (let time = 0; time < times; time++) {
      await settle(holdMs);
      for (const caller of callers.filter(({ outcome }) => outcome?.kind === 'granted')) {
        leaseOf(caller).return();
        callers.splice(callers.indexOf(caller), 1, askForSlot(queue, { keyId: 'steady' }));
      }
      await settle();
    }
  }

  it('that waits knows where it stands and when it begins', async () => {
    const pool = new SlotPool({ m: 2 });
    const queue = createTestQueue(pool, { limit: 100, timeoutMs: 1e6 });
    const steady = Array.from({ length: 6 }, () => askForSlot(queue, { keyId: 'steady' }));
    await settle();
    await serveSteadily(queue, steady, 500, 40);
    let place: (() => unknown) | undefined;
    const last = askForSlot(queue, { keyId: 'steady', onWaiting: (tell) => (place = tell) });
    // Two slots, half a second each: four a second. Four stand in front.
    expect(place?.()).toEqual({ position: 5, predictedStartMs: expect.closeTo(1_250, -2) as number });
    await serveSteadily(queue, steady, 500, 1);
    expect(place?.()).toMatchObject({ position: 3 });
    last.abort.abort();
    expect(place?.()).toBeUndefined();
  });

  it('that is turned away knows as well, and when to come back', async () => {
    const pool = new SlotPool({ m: 1 });
    const queue = createTestQueue(pool, { limit: 4 });
    const callers = Array.from({ length: 6 }, () => askForSlot(queue));
    await settle();
    expect(callers[5]?.outcome).toEqual({
      kind: 'overflow',
      place: { position: 5, predictedStartMs: 5_000 },
      retryAfterSeconds: 4,
    });
    expect(queue.retryAfterSeconds('m')).toBe(4);
  });

  it('has no prediction where no worker serves its model', async () => {
    const pool = new SlotPool({});
    const queue = createTestQueue(pool);
    const caller = askForSlot(queue);
    await settle(5_000);
    expect(caller.outcome).toMatchObject({
      kind: 'timedOut',
      hasWorkers: false,
      place: { position: 1, predictedStartMs: undefined },
    });
  });
});
