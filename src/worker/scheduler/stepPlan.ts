/** Pure decision of the scheduler: what each active slot does in a step. */

/**
 * From so many tokens of one sequence on, llama.cpp's attention works in blocks; with fewer, token by token. The two
 * round differently, which turns a near tie of two tokens over. So which way a token goes must depend on its place in
 * the prompt alone, not on who else is there or where a stream was cut: the whole blocks of a prompt go in chunks of
 * at least one block, what is behind them, like everything that is generated or resumed, in smaller ones.
 */
export const attentionBlockTokens = 64;
/** Token by token a long cache is read once for each: as long as a block takes, so that nobody waits longer. */
const tailChunkTokens = 32;

export interface SequenceView {
  readonly index: number;
  /** Tokens still to be put into the cache before sampling can begin; 0: the sequence is decoding. */
  readonly prefillTokens: number;
  /** Those of them that lie in whole blocks of the prompt. */
  readonly blockTokens: number;
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

/** How many tokens of a prompt lie in its whole blocks: all but the last token, which is sampled behind, rounded down. */
export function toBlockTokens(promptTokens: number): number {
  return Math.floor((promptTokens - 1) / attentionBlockTokens) * attentionBlockTokens;
}

/** How many of the first `cached` tokens a prompt can keep, so that the rest of its blocks is still whole ones. */
export function toUsablePrefix(cached: number, promptTokens: number): number {
  const isInBlocks = cached < toBlockTokens(promptTokens);
  return isInBlocks ? Math.floor(cached / attentionBlockTokens) * attentionBlockTokens : cached;
}

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
  const most = Math.min(
    decoders.length > 0 ? budget.besideDecodersTokens : budget.aloneTokens,
    batchTokens - decoders.length,
  );
  let left = most;
  for (const { index, prefillTokens, blockTokens } of prompts) {
    const tokens = toChunk(prefillTokens, blockTokens, left, most);
    if (tokens === 0) continue;
    left -= tokens;
    actions.push({ index, prefillTokens: tokens, samples: tokens === prefillTokens });
  }
  return actions.sort((a, b) => a.index - b.index);
}

/** `left` of the step's budget, which was `most`; 0 where the next chunk of this prompt does not fit any more. */
function toChunk(prefillTokens: number, blockTokens: number, left: number, most: number): number {
  const blocks = Math.floor(Math.min(blockTokens, left) / attentionBlockTokens);
  if (blocks > 0) return blocks * attentionBlockTokens;
  // A budget smaller than a block is one of a model for which nothing goes in blocks.
  const waitsForBlock = blockTokens >= attentionBlockTokens && most >= attentionBlockTokens;
  return waitsForBlock ? 0 : Math.min(prefillTokens, tailChunkTokens, left);
}
