import { describe, expect, it } from 'vitest';
import { countBlocks } from '../../../../src/worker/engine/attentionBlocks.js';
import type { SequenceView, StepAction } from '../../../../src/worker/generation/sequenceView.js';
import { PromptBlocks } from '../../../../src/worker/generation/promptBlocks.js';
import { defaultStepBudget, planStep } from '../../../../src/worker/scheduler/stepPlan.js';

const decode = (index: number): StepAction => ({ index, prefillTokens: 0, samples: true });
const prefill = (index: number, prefillTokens: number, samples: boolean): StepAction => ({
  index,
  prefillTokens,
  samples,
});

/** Of a prompt of which `evaluated` tokens are in the cache. */
function toView(index: number, promptTokens: number, { evaluated = 0, priority = 0 } = {}): SequenceView {
  const prefillTokens = promptTokens - evaluated;
  const { tokens, inBlocks } = new PromptBlocks(promptTokens, { usesBlocks: true }).runFrom(evaluated);
  return { index, prefillTokens, runTokens: Math.min(tokens, prefillTokens), inBlocks, priority };
}

describe('a step', () => {
  const budget = { besideDecodersTokens: 64, aloneTokens: 512 };
  const batchTokens = 600;
  const plan = (...sequences: [index: number, prefillTokens: number, priority?: number][]) =>
    planStep(
      sequences.map(([index, prefillTokens, priority = 0]) => toView(index, prefillTokens, { priority })),
      budget,
      batchTokens,
    );

  it('has nothing to do where nothing runs', () => {
    expect(plan()).toEqual([]);
  });

  it('decodes every decoder, by ascending index', () => {
    expect(plan([2, 0], [0, 0], [1, 0])).toEqual([decode(0), decode(1), decode(2)]);
  });

  it('takes the whole blocks of a prompt, then what is behind them', () => {
    expect(plan([0, 300])).toEqual([prefill(0, 256, false)]);
    expect(plan([0, 44])).toEqual([prefill(0, 32, false)]);
    expect(plan([0, 12])).toEqual([prefill(0, 12, true)]);
  });

  it('takes a part of a long prompt and does not sample yet', () => {
    expect(plan([0, 1_000])).toEqual([prefill(0, 512, false)]);
  });

  it('takes less of a prompt while something decodes', () => {
    expect(plan([1, 200], [0, 0])).toEqual([decode(0), prefill(1, 64, false)]);
    expect(plan([0, 0], [1, 30])).toEqual([decode(0), prefill(1, 30, true)]);
  });

  it('shares the budget in the order of arrival, not of the index', () => {
    expect(plan([3, 400], [0, 100], [1, 100], [2, 5])).toEqual([
      prefill(0, 64, false),
      prefill(1, 64, false),
      prefill(3, 384, false),
    ]);
  });

  it('goes on with a prompt that fits where the block of another one does not', () => {
    expect(plan([0, 0], [1, 20], [2, 200], [3, 10])).toEqual([
      decode(0),
      prefill(1, 20, true),
      prefill(3, 10, true),
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
          expect(prefilled).toBeLessThanOrEqual(limit);
          const firstPrompt = lengths.findIndex((length) => length > 0);
          if (firstPrompt >= 0) expect(actions.map(({ index }) => index)).toContain(firstPrompt);
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

  it('puts each token in by blocks or singly by its place alone, whatever the budget and the others', () => {
    const promptTokens = 300;
    /** Of each token of the prompt, whether it went in a chunk of at least a block. */
    const run = (besideOthers: boolean): boolean[] => {
      const inBlock: boolean[] = [];
      while (inBlock.length < promptTokens) {
        const view = toView(1, promptTokens, { evaluated: inBlock.length });
        const decoding = toView(0, 0);
        const other = toView(2, 20, { priority: 1 });
        const busy = inBlock.length % 128 === 0 ? [decoding] : [decoding, other];
        const steps = planStep(besideOthers ? [...busy, view] : [view], budget, batchTokens);
        const tokens = steps.find(({ index }) => index === 1)?.prefillTokens;
        if (tokens === undefined) {
          // The other one has taken too much of the budget: in the next step it is done.
          const [again] = planStep([view], { ...budget, aloneTokens: 64 }, batchTokens);
          inBlock.push(
            ...Array.from({ length: again?.prefillTokens ?? 0 }, () => again?.prefillTokens === 64),
          );
        } else inBlock.push(...Array.from({ length: tokens }, () => tokens >= 64));
      }
      return inBlock;
    };
    expect(run(true)).toEqual(run(false));
    expect(run(true).lastIndexOf(true)).toBe(64 * countBlocks(promptTokens) - 1);
  });

  it('has no chunk that is larger than a small budget, but for a stream that began in blocks elsewhere', () => {
    const small = { besideDecodersTokens: 16, aloneTokens: 16 };
    const slow = { index: 0, prefillTokens: 300, runTokens: 300, inBlocks: false, priority: 0 };
    expect(planStep([slow], small, batchTokens)).toEqual([prefill(0, 16, false)]);
    const resumed = toView(1, 300);
    expect(planStep([resumed], small, batchTokens)).toEqual([prefill(1, 64, false)]);
    expect(planStep([slow, resumed], small, batchTokens)).toEqual([prefill(0, 16, false)]);
    const noRoom = { ...small, besideDecodersTokens: 0 };
    expect(planStep([toView(0, 0), resumed], noRoom, batchTokens)).toEqual([decode(0)]);
  });

  it('gives the budget to the more urgent prompt first', () => {
    expect(plan([0, 600, 0], [1, 100, 5], [2, 600, -1])).toEqual([
      prefill(0, 448, false),
      prefill(1, 64, false),
    ]);
  });

  it('fits into a batch, decoders first', () => {
    const many = Array.from({ length: 580 }, (_, index): [number, number] => [index, 0]);
    const actions = plan(...many, [580, 60]);
    expect(actions).toHaveLength(581);
    expect(actions.at(-1)).toEqual(prefill(580, 20, false));
  });

  it('leaves decoders waiting for a short time only', () => {
    expect(defaultStepBudget.besideDecodersTokens).toBeLessThanOrEqual(64);
    expect(defaultStepBudget.aloneTokens).toBeGreaterThan(defaultStepBudget.besideDecodersTokens);
  });
});
