import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestLog } from '../../../../src/controller/limits/requestLog.js';
import { windowMs } from '../../../../src/controller/limits/window.js';

/** Pauses as they come: bursts, steady ones, and those that meet the edges of a window. */
const pause = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.double({ min: 0, max: 500, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(windowMs - 1, windowMs, windowMs + 1, windowMs / 2, 3 * windowMs) },
);

describe('requests of a key', () => {
  it('are never more than the limit in any window, and none is refused that has room', () => {
    const arrivals = fc.array(pause, { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), arrivals, (limit, pauses) => {
        const log = new RequestLog();
        const admitted: number[] = [];
        let now = 0;
        for (const ms of pauses) {
          now += ms;
          const inWindow = admitted.filter((time) => now - time <= windowMs).length;
          expect(log.used(now)).toBe(inWindow);
          const isAdmitted = log.tryTake(limit, now);
          expect(isAdmitted).toBe(inWindow < limit);
          if (isAdmitted) admitted.push(now);
        }
        for (const start of admitted) {
          const inWindow = admitted.filter((time) => time >= start && time <= start + windowMs);
          expect(inWindow.length).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it('have room when it was said that they would, and not before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(pause, { maxLength: 100 }), (limit, pauses) => {
        const log = new RequestLog();
        let now = 0;
        for (const ms of pauses) {
          now += ms;
          if (log.tryTake(limit, now)) continue;
          const roomInMs = log.roomInMs(limit, now);
          expect(log.roomInMs(limit, now + roomInMs - 0.01)).toBeGreaterThan(0);
          now += roomInMs + 0.01;
          expect(log.tryTake(limit, now)).toBe(true);
        }
        expect(log.used(now + log.emptyInMs(now) + 0.01)).toBe(0);
      }),
    );
  });

  it('are judged by a limit that has changed', () => {
    const log = new RequestLog();
    for (const now of [0, 1_000, 2_000]) log.tryTake(3, now);
    expect(log.tryTake(4, 3_000)).toBe(true);
    expect(log.roomInMs(2, 3_000)).toBe(windowMs - 3_000 + 2_000);
    expect(log.roomInMs(5, 3_000)).toBe(0);
  });

  it('are as many as the limit at an edge, where a fixed window lets twice as many in', () => {
    const log = new RequestLog();
    const admittedAt = (now: number) => Array.from({ length: 10 }, () => log.tryTake(5, now)).filter(Boolean);
    expect(admittedAt(windowMs - 1)).toHaveLength(5);
    expect(admittedAt(windowMs + 1)).toHaveLength(0);
    expect(admittedAt(2 * windowMs)).toHaveLength(5);
  });
});
