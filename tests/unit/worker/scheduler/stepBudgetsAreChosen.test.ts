import { describe, expect, it } from 'vitest';
import type { LlamaEngine, StepEntry } from '../../../../src/worker/engine/engine.js';
import { chooseStepBudget, measureStepBudget } from '../../../../src/worker/scheduler/measureStepBudget.js';
import { defaultStepBudget } from '../../../../src/worker/scheduler/stepPlan.js';

describe('the step budget', () => {
  it('beside decoders is the smallest chunk that is nearly as fast as the fastest', () => {
    const { besideDecodersTokens } = chooseStepBudget(
      new Map([
        [64, 150],
        [128, 280],
        [256, 560],
      ]),
      512,
    );
    expect(besideDecodersTokens).toBe(64);
  });

  it('is a larger chunk where that is much faster', () => {
    const { besideDecodersTokens } = chooseStepBudget(
      new Map([
        [64, 10],
        [128, 12],
        [256, 23],
      ]),
      512,
    );
    expect(besideDecodersTokens).toBe(128);
  });

  it('alone is what half a second evaluates, in whole chunks', () => {
    expect(chooseStepBudget(new Map([[64, 150]]), 512).aloneTokens).toBe(192);
  });

  it('alone is no more than a batch holds, and no less than a chunk', () => {
    expect(chooseStepBudget(new Map([[64, 1]]), 512).aloneTokens).toBe(512);
    expect(chooseStepBudget(new Map([[16, 4_000]]), 512).aloneTokens).toBe(16);
  });

  it('is the default where nothing was measured', () => {
    expect(chooseStepBudget(new Map(), 8)).toEqual(defaultStepBudget);
  });

  it.each([
    [true, 64],
    [false, 32],
  ])('is measured with steps that leave the slot empty; in blocks: %s', async (usesBlocks, largest) => {
    const evaluated: number[] = [];
    let cached = 0;
    const engine: Pick<
      LlamaEngine,
      'contextTokens' | 'batchTokens' | 'vocabularySize' | 'usesBlocks' | 'step' | 'truncate'
    > = {
      contextTokens: 100,
      batchTokens: 512,
      vocabularySize: 50,
      usesBlocks,
      step: (entries: readonly StepEntry[]) => {
        for (const { tokens } of entries) {
          expect(tokens.every((token) => token < 50)).toBe(true);
          evaluated.push(tokens.length);
          cached += tokens.length;
        }
        return Promise.resolve([{ kind: 'cached', ratings: [] }]);
      },
      truncate: (_slot, count) => (cached = count),
    };
    const budget = await measureStepBudget(engine as LlamaEngine);
    expect(cached).toBe(0);
    expect(Math.max(...evaluated)).toBe(largest);
    expect(budget.besideDecodersTokens).toBeLessThanOrEqual(largest);
    expect(budget.besideDecodersTokens >= 64).toBe(usesBlocks);
    expect(budget.aloneTokens).toBeLessThanOrEqual(100);
  });
});
