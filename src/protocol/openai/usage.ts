import { z } from 'zod';
import type { TokenUsage } from '../generation.js';

export const systemFingerprint = z.string().describe('Changes when the same seed may give another answer.');

const none = z.int().describe('Always 0.');

/** `usage` of chat completions and completions. */
export const CompletionUsage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int().describe('Of all choices together, reasoning included.'),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({
      cached_tokens: z.int().describe('Prompt tokens that did not have to be evaluated again.'),
      audio_tokens: none,
    }),
    completion_tokens_details: z.object({
      reasoning_tokens: z.int().describe('Tokens of `reasoning_content`.'),
      audio_tokens: none,
      accepted_prediction_tokens: none,
      rejected_prediction_tokens: none,
    }),
  })
  .describe('What the request cost, in tokens.');
export type CompletionUsage = z.infer<typeof CompletionUsage>;

export function toCompletionUsage(usage: TokenUsage): CompletionUsage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
