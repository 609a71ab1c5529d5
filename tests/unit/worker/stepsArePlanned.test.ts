import { describe, expect, it } from 'vitest';
import {
  chooseSlot,
  defaultStepBudget,
  planStep,
  type SequenceView,
  type SlotView,
} from '../../../src/worker/stepPlan.js';

function slot(index: number, cachedTokens: readonly number[] = [], fields: Partial<SlotView> = {}): SlotView {
  return { index, isBusy: false, cachedTokens, cacheNamespace: 'ann', ...fields };
}

describe('the slot for a prompt', () => {
  const prompt = [1, 2, 3, 4, 5];
  const choose = (...slots: SlotView[]) => chooseSlot(slots, prompt, 'ann');

  it('is none where all are busy or there are none', () => {
    expect(choose(slot(0, prompt, { isBusy: true }), slot(1, [], { isBusy: true }))).toBeUndefined();
    expect(choose()).toBeUndefined();
  });

  it('has the longest common prefix', () => {
    expect(choose(slot(0), slot(1, [1, 2]), slot(2, [1, 2, 3, 9]), slot(3, [9]))).toEqual({
      index: 2,
      reusedTokens: 3,
    });
  });

  it('is not a busy one, however good its prefix', () => {
    expect(choose(slot(0, prompt, { isBusy: true }), slot(1, [1]))).toEqual({ index: 1, reusedTokens: 1 });
  });

  it('shares no prefix with another namespace', () => {
    expect(choose(slot(0, prompt, { cacheNamespace: 'bob' }), slot(1, [1, 9]))).toEqual({
      index: 1,
      reusedTokens: 1,
    });
    expect(choose(slot(0, prompt, { cacheNamespace: 'bob' }))).toEqual({ index: 0, reusedTokens: 0 });
    expect(choose(slot(0, prompt, { cacheNamespace: undefined }))).toEqual({ index: 0, reusedTokens: 0 });
  });

  it('counts a prefix from the beginning only', () => {
    expect(choose(slot(0, [2, 3, 4, 5]))).toEqual({ index: 0, reusedTokens: 0 });
    expect(choose(slot(0, [1, 9, 3, 4]))).toEqual({ index: 0, reusedTokens: 1 });
  });

  it('leaves the last token to evaluate, also where the cache holds all and more', () => {
    expect(choose(slot(0, prompt))).toEqual({ index: 0, reusedTokens: 4 });
    expect(choose(slot(0, [...prompt, 6, 7]))).toEqual({ index: 0, reusedTokens: 4 });
    expect(chooseSlot([slot(0, [1])], [1], 'ann')).toEqual({ index: 0, reusedTokens: 0 });
  });

  it('has, among equal prefixes, the least to lose', () => {
    expect(choose(slot(0, [1, 2, 8, 8, 8]), slot(1, [1, 2, 9]))).toEqual({ index: 1, reusedTokens: 2 });
    expect(choose(slot(0, [7, 7]), slot(1))).toEqual({ index: 1, reusedTokens: 0 });
    expect(choose(slot(0, [7, 7, 7], { cacheNamespace: 'bob' }), slot(1, [7]))).toEqual({
      index: 1,
      reusedTokens: 0,
    });
  });

  it('has, among equals, the lowest index, whatever their order', () => {
    expect(choose(slot(3), slot(1), slot(2))).toEqual({ index: 1, reusedTokens: 0 });
  });
});

describe('a step', () => {
  const budget = { besideDecodersTokens: 64, aloneTokens: 512 };
  const plan = (...sequences: [index: number, prefillTokens: number][]) =>
    planStep(
      sequences.map(([index, prefillTokens]): SequenceView => ({ index, prefillTokens })),
      budget,
    );

  it('has nothing to do where nothing runs', () => {
    expect(plan()).toEqual([]);
  });

  it('decodes every decoder, by ascending index', () => {
    expect(plan([2, 0], [0, 0], [1, 0])).toEqual([
      { index: 0, kind: 'decode' },
      { index: 1, kind: 'decode' },
      { index: 2, kind: 'decode' },
    ]);
  });

  it('takes a short prompt at once and samples behind it', () => {
    expect(plan([0, 512])).toEqual([{ index: 0, kind: 'prefill', tokens: 512, startsDecoding: true }]);
  });

  it('takes a part of a long prompt and does not sample yet', () => {
    expect(plan([0, 513])).toEqual([{ index: 0, kind: 'prefill', tokens: 512, startsDecoding: false }]);
  });

  it('takes less of a prompt while something decodes', () => {
    expect(plan([1, 100], [0, 0])).toEqual([
      { index: 0, kind: 'decode' },
      { index: 1, kind: 'prefill', tokens: 64, startsDecoding: false },
    ]);
    expect(plan([0, 0], [1, 64])).toEqual([
      { index: 0, kind: 'decode' },
      { index: 1, kind: 'prefill', tokens: 64, startsDecoding: true },
    ]);
  });

  it('shares the budget in the order of arrival, not of the index', () => {
    expect(plan([3, 400], [0, 100], [1, 100], [2, 5])).toEqual([
      { index: 0, kind: 'prefill', tokens: 100, startsDecoding: true },
      { index: 1, kind: 'prefill', tokens: 12, startsDecoding: false },
      { index: 3, kind: 'prefill', tokens: 400, startsDecoding: true },
    ]);
  });

  it('still decodes those behind a prompt that took the whole budget', () => {
    expect(plan([0, 1_000], [1, 10], [2, 0])).toEqual([
      { index: 0, kind: 'prefill', tokens: 64, startsDecoding: false },
      { index: 2, kind: 'decode' },
    ]);
  });

  it('never puts in more than the budget, and always moves the first prompt on', () => {
    for (let first = 0; first <= 600; first += 75) {
      for (let second = 0; second <= 600; second += 75) {
        for (let third = 0; third <= 600; third += 75) {
          const lengths = [first, second, third];
          const actions = plan([0, first], [1, second], [2, third]);
          const limit = lengths.includes(0) ? 64 : 512;
          const prefilled = actions.reduce(
            (sum, action) => sum + (action.kind === 'prefill' ? action.tokens : 0),
            0,
          );
          expect(prefilled).toBe(
            Math.min(
              limit,
              lengths.reduce((sum, length) => sum + length, 0),
            ),
          );
          expect(actions.filter(({ kind }) => kind === 'decode')).toHaveLength(
            lengths.filter((length) => length === 0).length,
          );
          const indices = actions.map(({ index }) => index);
          expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
          for (const action of actions) {
            if (action.kind !== 'prefill') continue;
            expect(action.tokens).toBeGreaterThan(0);
            expect(action.startsDecoding).toBe(action.tokens === lengths[action.index]);
          }
        }
      }
    }
  });

  it('leaves decoders waiting for a short time only', () => {
    expect(defaultStepBudget.besideDecodersTokens).toBeLessThanOrEqual(64);
    expect(defaultStepBudget.aloneTokens).toBeGreaterThan(defaultStepBudget.besideDecodersTokens);
  });
});
