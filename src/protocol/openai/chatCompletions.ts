import { z } from 'zod';
import { boundOfDecimal } from '../parseBody.js';

/**
 * `POST /v1/chat/completions`: request and answers. Objects of the request are loose, because clients send newer
 * fields; what is known to change the answer and is not supported is refused by `unsupportedParameters.ts`.
 */

const ContentPart = z.looseObject({ type: z.string(), text: z.string().optional() });

const RequestMessage = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(ContentPart)]).nullish(),
});

/** OpenAI's error codes tell decimals from integers; the bounds' message says which one a parameter is. */
const decimal = (min: number, max: number) =>
  z.number().min(min, boundOfDecimal).max(max, boundOfDecimal).nullish();

const tokenLimit = z.int().min(1).nullish();

export const ChatCompletionRequest = z.looseObject({
  model: z.string().min(1),
  messages: z.array(RequestMessage).min(1),
  max_completion_tokens: tokenLimit,
  max_tokens: tokenLimit,
  temperature: decimal(0, 2),
  top_p: decimal(0, 1),
  seed: z
    .number()
    .refine(Number.isInteger, { params: { expected: 'integer' } })
    .nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

export const CompletionUsage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int(), audio_tokens: z.int() }),
  completion_tokens_details: z.object({
    reasoning_tokens: z.int(),
    audio_tokens: z.int(),
    accepted_prediction_tokens: z.int(),
    rejected_prediction_tokens: z.int(),
  }),
});
export type CompletionUsage = z.infer<typeof CompletionUsage>;

const FinishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

export const ChatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({ role: z.literal('assistant'), content: z.string().nullable(), refusal: z.null() }),
      logprobs: z.null(),
      finish_reason: FinishReason,
    }),
  ),
  usage: CompletionUsage,
});
export type ChatCompletion = z.infer<typeof ChatCompletion>;

export const ChatCompletionChunk = z.object({
  id: z.string(),
  object: z.literal('chat.completion.chunk'),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        refusal: z.null().optional(),
      }),
      logprobs: z.null(),
      finish_reason: FinishReason.nullable(),
    }),
  ),
  /** Absent unless `stream_options.include_usage` was set; then null in every chunk but the last. */
  usage: CompletionUsage.nullish(),
});
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;
