/** Pure decision of the scheduler: what each active slot does in a step. */

import { attentionBlockTokens } from '../engine/attentionBlocks.js';
import type { SequenceView, StepAction } from '../generation/sequenceView.js';

/** Token by token a long cache is read once for each: as long as a block takes, so that nobody waits longer. */
const tailChunkTokens = 32;

export interface StepBudget {
  /** Most prompt tokens of a step while something decodes: bounds how long the others wait. */
  readonly besideDecodersTokens: number;
  /** Most prompt tokens of a step otherwise: bounds how late a cancellation is noticed. */
  readonly aloneTokens: number;
}

/**
 * A chunk of 64 tokens bounds the stall of the decoders and keeps nine tenths of the prefill speed: 169 ms are 379
 * tokens/s, where a prompt of 512 in one chunk had 417 (Results in bench/README.md).
 */
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
  const most = Math.min(
    decoders.length > 0 ? budget.besideDecodersTokens : budget.aloneTokens,
    batchTokens - decoders.length,
  );
  let left = most;
  for (const prompt of prompts) {
    const { index, prefillTokens } = prompt;
    const tokens = toChunk(prompt, left, most);
    if (tokens === 0) continue;
    left -= tokens;
    actions.push({ index, prefillTokens: tokens, samples: tokens === prefillTokens });
  }
  return actions.sort((a, b) => a.index - b.index);
}

/** `left` of the step's budget, which was `most`; 0 where the next chunk of this prompt does not fit any more. */
function toChunk({ runTokens, inBlocks }: SequenceView, left: number, most: number): number {
  if (!inBlocks) return Math.min(runTokens, tailChunkTokens, left);
  const blocks = Math.floor(Math.min(runTokens, left) / attentionBlockTokens);
  // Where the budget is smaller than a block nothing begins in blocks, but a stream that began elsewhere goes on so.
  const isBeyondBudget = left === most && most > 0 && most < attentionBlockTokens;
  return isBeyondBudget ? attentionBlockTokens : blocks * attentionBlockTokens;
}
