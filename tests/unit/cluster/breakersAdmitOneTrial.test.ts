import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failuresToOpen,
  firstOpenMs,
  longestOpenMs,
  newBreaker,
  openMsOf,
  passesOf,
  reduceBreaker,
  type BreakerEvent,
  type CircuitBreaker,
} from '../../../src/cluster/circuitBreaker.js';

const after = (events: readonly (readonly [BreakerEvent, number])[], from = newBreaker) =>
  events.reduce((breaker, [event, nowMs]) => reduceBreaker(breaker, event, nowMs), from);
const failed: BreakerEvent = { type: 'failed', isTrial: false };
const failures = (count: number, nowMs = 0) => Array.from({ length: count }, () => [failed, nowMs] as const);

describe('a circuit breaker', () => {
  it('opens with the fifth failure in a row, at once', () => {
    expect(after(failures(4)).kind).toBe('closed');
    expect(after(failures(5, 100))).toEqual({ kind: 'open', untilMs: 100 + firstOpenMs, openings: 1 });
  });

  it('forgets failures with a success', () => {
    const events = [...failures(4), [{ type: 'succeeded', isTrial: false }, 0] as const, ...failures(4)];
    expect(after(events).kind).toBe('closed');
  });

  it('stays open for 5 s, then doubled up to 60 s', () => {
    expect([1, 2, 3, 4, 5, 6, 100].map(openMsOf)).toEqual([
      5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000,
    ]);
  });

  it('tries one request when its time is over', () => {
    const open = after(failures(5));
    expect(passesOf(open, firstOpenMs - 1)).toBe('none');
    expect(passesOf(open, firstOpenMs)).toBe('trial');
    const onTrial = reduceBreaker(open, { type: 'trialTaken' }, firstOpenMs);
    expect(passesOf(onTrial, firstOpenMs)).toBe('none');
    expect(passesOf(onTrial, 1e9)).toBe('none');
  });

  it('is on probation after the first token of a trial, and closed for good after a success', () => {
    const onTrial: CircuitBreaker = { kind: 'half_open', openings: 2 };
    const shown = reduceBreaker(onTrial, { type: 'showedLife', isTrial: true }, 0);
    expect(passesOf(shown, 0)).toBe('all');
    expect(reduceBreaker(shown, failed, 0)).toEqual({ kind: 'open', untilMs: openMsOf(3), openings: 3 });
    expect(reduceBreaker(shown, { type: 'succeeded', isTrial: false }, 0)).toBe(newBreaker);
    expect(reduceBreaker(onTrial, { type: 'succeeded', isTrial: true }, 0)).toBe(newBreaker);
  });

  it('tries another one at once when a trial said nothing, or another process came', () => {
    const onTrial: CircuitBreaker = { kind: 'half_open', openings: 2 };
    for (const type of ['trialAbandoned', 'replaced'] as const)
      expect(passesOf(reduceBreaker(onTrial, { type }, 70), 70)).toBe('trial');
    expect(passesOf(reduceBreaker(after(failures(5)), { type: 'replaced' }, 70), 70)).toBe('trial');
  });

  it('is not moved by what was running when it opened', () => {
    const others: BreakerEvent[] = [
      failed,
      { type: 'succeeded', isTrial: false },
      { type: 'showedLife', isTrial: false },
    ];
    for (const from of [after(failures(5)), { kind: 'half_open', openings: 1 } as const])
      for (const event of others) expect(reduceBreaker(from, event, 10)).toBe(from);
  });
});

/** What may happen to a breaker, as a node with many requests makes it happen. */
const step = fc.oneof(
  fc.record({ do: fc.constant('claim' as const) }),
  fc.record({ do: fc.constantFrom('succeed', 'fail', 'show', 'leave'), which: fc.nat(50) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({ do: fc.constant('replace' as const) }),
);

describe('a breaker under any order of events', () => {
  it('has one trial on its way at most, opens within the limits, and is tried within one interval', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        let breaker: CircuitBreaker = newBreaker;
        let nowMs = 0;
        let running: { isTrial: boolean }[] = [];
        let failuresInARow = 0;
        const apply = (event: BreakerEvent) => {
          const before = breaker;
          breaker = reduceBreaker(breaker, event, nowMs);
          if (breaker.kind !== 'open' || before.kind === 'open') return;
          const openForMs = breaker.untilMs - nowMs;
          expect(openForMs).toBeLessThanOrEqual(longestOpenMs);
        };
        for (const step of steps) {
          if (step.do === 'wait') nowMs += step.ms;
          else if (step.do === 'replace') {
            apply({ type: 'replaced' });
            running = [];
          } else if (step.do === 'claim') {
            const passes = passesOf(breaker, nowMs);
            if (passes === 'none') continue;
            running.push({ isTrial: passes === 'trial' });
            if (passes === 'trial') apply({ type: 'trialTaken' });
          } else {
            const attempt = running[step.which % Math.max(1, running.length)];
            if (!attempt) continue;
            const { isTrial } = attempt;
            const wasClosed = breaker.kind === 'closed';
            if (step.do === 'show') {
              apply({ type: 'showedLife', isTrial });
              attempt.isTrial = false;
              if (isTrial) failuresInARow = failuresToOpen - 1;
              continue;
            }
            running = running.filter((other) => other !== attempt);
            if (step.do === 'succeed') apply({ type: 'succeeded', isTrial });
            if (step.do === 'fail') apply({ type: 'failed', isTrial });
            if (step.do === 'leave' && isTrial) apply({ type: 'trialAbandoned' });
            if (step.do === 'succeed' && (wasClosed || isTrial)) failuresInARow = 0;
            if (step.do === 'fail' && wasClosed) {
              failuresInARow++;
              expect(breaker.kind === 'open').toBe(failuresInARow >= failuresToOpen);
              if (breaker.kind === 'open') failuresInARow = 0;
            }
          }
          const trials = running.filter(({ isTrial }) => isTrial).length;
          expect(trials).toBe(breaker.kind === 'half_open' ? 1 : 0);
          if (breaker.kind === 'open') {
            expect(passesOf(breaker, Math.max(nowMs, breaker.untilMs))).toBe('trial');
            expect(breaker.untilMs - nowMs).toBeLessThanOrEqual(openMsOf(breaker.openings));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
