import { z } from 'zod';
import { maxLogitBiases, minRepeatPenalty } from '../generateRequest.js';
import { boundOfDecimal } from '../parseBody.js';
import { pairs } from './pairs.js';

/** Parameters that several endpoints share. `null` means the default everywhere. */

/** OpenAI's error codes tell decimals from integers; the bounds' message says which one a parameter is. */
export const decimal = (min: number, max: number) =>
  z.number().min(min, boundOfDecimal).max(max, boundOfDecimal).nullish();

export const modelName = z.string().min(1).describe('An id of `/v1/models`.');

export const stream = z
  .boolean()
  .nullish()
  .describe('Answer with server-sent events, while the answer is generated.');

export const onlyStreamed = 'Only with `stream: true`.';

export const tokenLimit = z
  .int()
  .min(1)
  .nullish()
  .describe('Most tokens to generate; by default as many as the context has room for.');

/** 64 bits and more: JSON numbers beyond 2^53 lose their last digits, which a seed can bear. */
const seed = z
  .number()
  .refine(Number.isInteger, { params: { expected: 'integer' } })
  .meta({ type: 'integer' })
  .nullish()
  .describe('The same seed gives the same answer on the same worker settings.');

export const stopTexts = z
  .union([z.string().min(1), z.array(z.string().min(1)).max(4)])
  .nullish()
  .describe('Texts at which the answer ends; they are not part of it.');

export const paddedStreamOptions = z.looseObject({
  include_obfuscation: z.boolean().nullish().describe('Without effect: events are never padded.'),
});

export const streamOptions = paddedStreamOptions
  .extend({
    include_usage: z.boolean().nullish().describe('Send the token counts in one more chunk at the end.'),
  })
  .nullish()
  .describe(onlyStreamed);

const repeatPenalty = decimal(minRepeatPenalty, 10);

/** What chat completions and completions both take; the second half is llama.cpp's. */
export const samplingParameters = {
  temperature: decimal(0, 2).describe('How random the choice of tokens is; 0 is greedy, 1 the default.'),
  top_p: decimal(0, 1).describe(
    'Sample from the most likely tokens that have this probability together; 1 is all.',
  ),
  seed,
  stop: stopTexts,
  presence_penalty: decimal(-2, 2).describe('Taken from tokens that were generated before; 0 by default.'),
  frequency_penalty: decimal(-2, 2).describe('The same, for each time that a token was generated.'),
  logit_bias: pairs(
    z.string().regex(/^\d{1,9}$/, 'keys are token ids'),
    z.number().min(-100, boundOfDecimal).max(100, boundOfDecimal),
    maxLogitBiases,
  )
    .nullish()
    .describe('Added to the logits of tokens. Keys are token ids of this model.'),
  n: z.int().min(1).max(128).nullish().describe('How many choices to generate for a prompt; 1 by default.'),
  top_k: z
    .int()
    .min(-1)
    .nullish()
    .describe('Sample from so many of the most likely tokens; 0 and -1 are all.'),
  min_p: decimal(0, 1).describe(
    'Leave out tokens that are less likely than this share of the most likely one.',
  ),
  repeat_penalty: repeatPenalty.describe(
    'Divides the logits of tokens that were generated before; 1 is none.',
  ),
  repetition_penalty: repeatPenalty.describe('Another name of `repeat_penalty`.'),
  ignore_eos: z.boolean().nullish().describe('Go on behind the end of the answer, up to the token limit.'),
};

export const SamplingParameters = z.object(samplingParameters);
export type SamplingParameters = z.infer<typeof SamplingParameters>;
