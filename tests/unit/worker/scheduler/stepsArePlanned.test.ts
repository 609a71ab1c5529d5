import { describe, expect, it } from 'vitest';
import {
  defaultStepBudget,
  planStep,
  type SequenceView,
  type StepAction,
} from '../../../../src/worker/scheduler/stepPlan.js';

const decode = (index: number): StepAction => ({ index, prefillTokens: 0, samples: true });
const prefill = (index: number, prefillTokens: number, samples: boolean): StepAction => ({
  index,
  prefillTokens,
  samples,
});

describe('a step', () => {
  const budget = { besideDecodersTokens: 64, aloneTokens: 512 };
  const batchTokens = 600;
  const plan = (...sequences: [index: number, prefillTokens: number, priority?: number][]) =>
    planStep(
      sequences.map(([index, prefillTokens, priority = 0]): SequenceView => ({
        index,
        prefillTokens,
        priority,
      })),
      budget,
      batchTokens,
    );

  it('has nothing to do where nothing runs', () => {
    expect(plan()).toEqual([]);
  });

  it('decodes every decoder, by ascending index', () => {
    expect(plan([2, 0], [0, 0], [1, 0])).toEqual([decode(0), decode(1), decode(2)]);
  });

  it('takes a short prompt at once and samples behind it', () => {
    expect(plan([0, 512])).toEqual([prefill(0, 512, true)]);
  });

  it('takes a part of a long prompt and does not sample yet', () => {
    expect(plan([0, 513])).toEqual([prefill(0, 512, false)]);
  });

  it('takes less of a prompt while something decodes', () => {
    expect(plan([1, 100], [0, 0])).toEqual([decode(0), prefill(1, 64, false)]);
    expect(plan([0, 0], [1, 64])).toEqual([decode(0), prefill(1, 64, true)]);
  });

  it('shares the budget in the order of arrival, not of the index', () => {
    expect(plan([3, 400], [0, 100], [1, 100], [2, 5])).toEqual([
      prefill(0, 100, true),
      prefill(1, 12, false),
      prefill(3, 400, true),
    ]);
  });

  it('still decodes those behind a prompt that took the whole budget', () => {
    expect(plan([0, 1_000], [1, 10], [2, 0])).toEqual([prefill(0, 64, false), decode(2)]);
  });

  it('never puts in more than the budget, and always moves the first prompt on', () => {
    for (let first = 0; first <= 600; first += 75) {
      for (let second = 0; second <= 600; second += 75) {
        for (let third = 0; third <= 600; third += 75) {
          const lengths = [first, second, third];
          const actions = plan([0, first], [1, second], [2, third]);
          const limit = lengths.includes(0) ? 64 : 512;
          const prefilled = actions.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0);
          expect(prefilled).toBe(
            Math.min(
              limit,
              lengths.reduce((sum, length) => sum + length, 0),
            ),
          );
          expect(actions.filter(({ prefillTokens }) => prefillTokens === 0)).toHaveLength(
            lengths.filter((length) => length === 0).length,
          );
          const indices = actions.map(({ index }) => index);
          expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
          for (const action of actions) {
            expect(action.samples).toBe(action.prefillTokens === lengths[action.index]);
          }
        }
      }
    }
  });

  it('gives the budget to the more urgent prompt first', () => {
    expect(plan([0, 600, 0], [1, 100, 5], [2, 600, -1])).toEqual([
      prefill(0, 412, false),
      prefill(1, 100, true),
    ]);
  });

  it('fits into a batch, decoders first', () => {
    const many = Array.from({ length: 580 }, (_, index): [number, number] => [index, 0]);
    const actions = plan(...many, [580, 64]);
    expect(actions).toHaveLength(581);
    expect(actions.at(-1)).toEqual(prefill(580, 20, false));
  });

  it('leaves decoders waiting for a short time only', () => {
    expect(defaultStepBudget.besideDecodersTokens).toBeLessThanOrEqual(64);
    expect(defaultStepBudget.aloneTokens).toBeGreaterThan(defaultStepBudget.besideDecodersTokens);
  });
});
