/** Pure decision of the scheduler: what each active slot does in a step. */

export interface SequenceView {
  readonly index: number;
  /** Tokens still to be put into the cache before sampling can begin; 0: the sequence is decoding. */
  readonly prefillTokens: number;
  /** Larger goes first. */
  readonly priority: number;
}

export interface StepAction {
  readonly index: number;
  /** Prompt tokens to put into the cache; 0: the last sampled token. */
  readonly prefillTokens: number;
  /** Sample behind the last one of them. */
  readonly samples: boolean;
}

export interface StepBudget {
  /** Most prompt tokens of a step while something decodes: bounds how long the others wait. */
  readonly besideDecodersTokens: number;
  /** Most prompt tokens of a step otherwise: bounds how late a cancellation is noticed. */
  readonly aloneTokens: number;
}

/** Chunks of 64 keep 90 % of the prefill speed and bound the stall of the decoders (docs/engine.md). */
export const defaultStepBudget: StepBudget = { besideDecodersTokens: 64, aloneTokens: 512 };

/**
 * Every decoder goes in every step; the budget is given to prompts by priority, then in the order in which they came.
 * Actions ascend by index, and hold at most `batchTokens` tokens.
 */
export function planStep(
  arrivalOrder: readonly SequenceView[],
  budget: StepBudget,
  batchTokens: number,
): StepAction[] {
  const decoders = arrivalOrder.filter(({ prefillTokens }) => prefillTokens === 0);
  const prompts = arrivalOrder
    .filter(({ prefillTokens }) => prefillTokens > 0)
    .sort((a, b) => b.priority - a.priority);
  const actions: StepAction[] = decoders.map(({ index }) => ({ index, prefillTokens: 0, samples: true }));
  let left = Math.min(
    decoders.length > 0 ? budget.besideDecodersTokens : budget.aloneTokens,
    batchTokens - decoders.length,
  );
  for (const { index, prefillTokens } of prompts) {
    if (left <= 0) break;
    const tokens = Math.min(prefillTokens, left);
    left -= tokens;
    actions.push({ index, prefillTokens: tokens, samples: tokens === prefillTokens });
  }
  return actions.sort((a, b) => a.index - b.index);
}
