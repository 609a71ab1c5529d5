import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RetryBudget } from '../../../src/cluster/retryBudget.js';

it('allows three a second where there are no requests', () => {
  const budget = new RetryBudget();
  const granted = Array.from({ length: 100 }, () => budget.tryTake(0)).filter(Boolean);
  expect(granted).toHaveLength(30);
  expect(budget.remainingRatio(0)).toBe(0);
  expect(budget.tryTake(9_999)).toBe(false);
  expect(budget.tryTake(11_000)).toBe(true);
});

it('allows a fifth of the requests on top', () => {
  const budget = new RetryBudget();
  for (let count = 0; count < 100; count++) budget.noteRequest(count * 10);
  const granted = Array.from({ length: 100 }, () => budget.tryTake(1_000)).filter(Boolean);
  expect(granted).toHaveLength(50);
});

it('is whole again when nothing was tried for a while', () => {
  const budget = new RetryBudget();
  for (let count = 0; count < 15; count++) budget.tryTake(0);
  expect(budget.remainingRatio(0)).toBe(0.5);
  expect(budget.remainingRatio(11_000)).toBe(1);
});

it('is never exceeded in any 10 seconds, whatever comes when', () => {
  const step = fc.record({ afterMs: fc.integer({ min: 0, max: 3_000 }), isRetry: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const budget = new RetryBudget();
      const requests: number[] = [];
      const retries: number[] = [];
      let now = 0;
      for (const { afterMs, isRetry } of steps) {
        now += afterMs > 1_500 ? afterMs : 0;
        if (!isRetry) {
          budget.noteRequest(now);
          requests.push(now);
        } else if (budget.tryTake(now)) {
          retries.push(now);
          const inWindow = (at: number) => at > now - 10_000;
          expect(retries.filter(inWindow).length).toBeLessThanOrEqual(
            30 + 0.2 * requests.filter(inWindow).length,
          );
        }
        const left = budget.remainingRatio(now);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(1);
      }
    }),
  );
});
