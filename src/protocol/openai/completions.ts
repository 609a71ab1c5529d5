import { z } from 'zod';
import { tokenId } from './elements.js';
import { modelName, samplingParameters, stream, streamOptions } from './sampling.js';
import { CompletionUsage, systemFingerprint } from './usage.js';

/** `POST /v1/completions`: text goes on where the prompt ends. */

const tokens = z.array(tokenId).min(1);

export const CompletionRequest = z.looseObject({
  model: modelName,
  prompt: z
    .union([z.string(), z.array(z.string()).min(1).max(2048), tokens, z.array(tokens).min(1).max(2048)])
    .describe('One prompt or several, each text or token ids.'),
  max_tokens: z.int().min(0).nullish().describe('Most tokens to generate; 16 by default.'),
  ...samplingParameters,
  logprobs: z
    .int()
    .min(0)
    .max(5)
    .nullish()
    .describe('Report log probabilities, and so many of the most likely tokens.'),
  echo: z.boolean().nullish().describe('Put the prompt in front of the text.'),
  best_of: z.int().min(1).max(20).nullish().describe('Has to equal `n`.'),
  suffix: z.string().nullish().describe('Not supported: a text is refused.'),
  stream,
  stream_options: streamOptions,
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** One entry a token; the first token of an echoed prompt has no probability. */
export const CompletionLogprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  text_offset: z.array(z.int()).describe('Where each token begins in the text, in characters.'),
});
export type CompletionLogprobs = z.infer<typeof CompletionLogprobs>;

/** The whole answer, and each chunk of a stream: both are called `text_completion`. */
export const Completion = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int().describe('Unix seconds.'),
  model: z.string(),
  system_fingerprint: systemFingerprint,
  choices: z.array(
    z.object({
      index: z.int().describe('Choice `i` of prompt `p` has `p * n + i`.'),
      text: z.string(),
      logprobs: CompletionLogprobs.nullable(),
      finish_reason: z
        .enum(['stop', 'length', 'content_filter'])
        .nullable()
        .describe('Null in a stream, but for the last chunk of a choice.'),
    }),
  ),
  usage: CompletionUsage.nullish(),
});
export type Completion = z.infer<typeof Completion>;
