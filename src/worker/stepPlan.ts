/** Pure decisions of the scheduler: which slot a request gets, and what each active slot does in a step. */

export interface SlotView {
  readonly index: number;
  readonly isBusy: boolean;
  /** What the slot's KV cache holds, and whose it is. */
  readonly cachedTokens: readonly number[];
  readonly cacheNamespace: string | undefined;
}

export interface SlotChoice {
  readonly index: number;
  /** Leading tokens of the prompt that are already in the slot's cache. */
  readonly reusedTokens: number;
}

/**
 * The free slot with the longest common prefix in the same cache namespace; among equals the one with the least to
 * lose, then the lowest index, because a batch is fastest when the active ids ascend without gaps.
 */
export function chooseSlot(
  slots: readonly SlotView[],
  tokens: readonly number[],
  cacheNamespace: string,
): SlotChoice | undefined {
  const choices = slots
    .filter((slot) => !slot.isBusy)
    .map((slot) => ({
      index: slot.index,
      reusedTokens: slot.cacheNamespace === cacheNamespace ? commonPrefix(slot.cachedTokens, tokens) : 0,
      lostTokens: slot.cachedTokens.length,
    }));
  choices.sort((a, b) => b.reusedTokens - a.reusedTokens || a.lostTokens - b.lostTokens || a.index - b.index);
  const best = choices[0];
  return best && { index: best.index, reusedTokens: best.reusedTokens };
}

/** The last token is left out, because it has to be evaluated to get the logits for the next one. */
function commonPrefix(cached: readonly number[], tokens: readonly number[]): number {
  const limit = Math.min(cached.length, tokens.length - 1);
  let length = 0;
  while (length < limit && cached[length] === tokens[length]) length++;
  return length;
}

export interface SequenceView {
  readonly index: number;
  /** Tokens still to be put into the cache before sampling can begin; 0: the sequence is decoding. */
  readonly prefillTokens: number;
}

export type StepAction =
  | { readonly index: number; readonly kind: 'decode' }
  /** `startsDecoding`: these are the last tokens of the prompt, sample the first one behind them. */
  | {
      readonly index: number;
      readonly kind: 'prefill';
      readonly tokens: number;
      readonly startsDecoding: boolean;
    };

export interface StepBudget {
  /** Most prompt tokens of a step while something decodes: bounds how long the others wait. */
  readonly besideDecodersTokens: number;
  /** Most prompt tokens of a step otherwise: bounds how late a cancellation is noticed. */
  readonly aloneTokens: number;
}

/** Chunks of 64 keep 90 % of the prefill speed and bound the stall of the decoders (docs/engine.md). */
export const defaultStepBudget: StepBudget = { besideDecodersTokens: 64, aloneTokens: 512 };

/** Every decoder goes in every step; the budget is given to prompts in the order in which they came. */
export function planStep(arrivalOrder: readonly SequenceView[], budget: StepBudget): StepAction[] {
  const hasDecoders = arrivalOrder.some((sequence) => sequence.prefillTokens === 0);
  let left = hasDecoders ? budget.besideDecodersTokens : budget.aloneTokens;
  const actions: StepAction[] = [];
  for (const { index, prefillTokens } of arrivalOrder) {
    if (prefillTokens === 0) {
      actions.push({ index, kind: 'decode' });
    } else if (left > 0) {
      const tokens = Math.min(prefillTokens, left);
      left -= tokens;
      actions.push({ index, kind: 'prefill', tokens, startsDecoding: tokens === prefillTokens });
    }
  }
  return actions.sort((a, b) => a.index - b.index);
}
