import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AttemptLimits, maxAttempts } from '../../../../src/controller/recovery/attemptLimits.js';

it('three attempts that bring nothing are all', () => {
  const limits = new AttemptLimits(1_000);
  const allowed = [1, 2, 3].map(() => (limits.began(), limits.failed('lost', 0)));
  expect(allowed).toEqual([true, true, false]);
});

it("attempts that were nobody's fault are not counted", () => {
  const limits = new AttemptLimits(1_000);
  const allowed = [1, 2, 3, 4, 5].map(
    (count) => (limits.began(), limits.failed('lost', 0, Math.min(count, 2))),
  );
  expect(allowed).toEqual([true, true, true, true, false]);
});

it('a worker may fall silent once', () => {
  const limits = new AttemptLimits(1_000);
  const allowed = [1, 2].map(() => (limits.began(), limits.failed('silent', 0)));
  expect(allowed).toEqual([true, false]);
});

it('a token makes good for all before it', () => {
  const limits = new AttemptLimits(1_000);
  for (let count = 0; count < 20; count++) {
    limits.began();
    limits.progressed();
    expect([limits.failed('silent', 0), limits.hasProgressed]).toEqual([true, true]);
  }
  const allowed = [1, 2, 3].map(() => (limits.began(), limits.failed('error', 0)));
  expect([allowed, limits.hasProgressed]).toEqual([[true, true, false], false]);
});

it('refusals are no attempts, but take time: one patience for all waits together', () => {
  const limits = new AttemptLimits(1_000);
  const mayWait = [0, 300, 600, 900, 999, 1_000].map((now) => {
    limits.began();
    limits.withdrawn();
    return limits.mayWait(now);
  });
  expect(mayWait).toEqual([true, true, true, true, true, false]);
  expect(limits.waitsUntilMs).toBe(1_000);
  limits.accepted();
  expect(limits.waitsUntilMs).toBeUndefined();
  expect(limits.mayWait(5_000)).toBe(true);
});

it('whatever happens, no more than three attempts in a row bring nothing', () => {
  const attempt = fc.record({
    tokens: fc.integer({ min: 0, max: 1 }),
    end: fc.constantFrom('busy' as const, 'lost' as const, 'silent' as const, 'error' as const),
  });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 100 }), (attempts) => {
      const limits = new AttemptLimits(1_000);
      let failuresInVain = 0;
      for (const { tokens, end } of attempts) {
        limits.began();
        if (tokens > 0) limits.progressed();
        if (tokens > 0) failuresInVain = 0;
        if (end === 'busy') {
          limits.withdrawn();
          continue;
        }
        if (tokens === 0) failuresInVain++;
        const isAllowed = limits.failed(end, 0);
        if (tokens > 0) expect(isAllowed).toBe(true);
        if (failuresInVain >= maxAttempts) expect(isAllowed).toBe(false);
        if (!isAllowed) return;
      }
    }),
  );
});
