import { z } from 'zod';
import type { TokenUsage } from '../../generation.js';
import { ReasoningEffort } from '../chatCompletions.js';
import { OutputItem } from './items.js';
import { FunctionTool, ResponseToolChoice, SummaryKind, TextFormat, Verbosity } from './request.js';

/**
 * The Response object: the union of what OpenAI's document and the Open Responses schema require. Every key is always
 * there.
 */

export const ResponseUsage = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({
    cached_tokens: z.int().describe('Input tokens that did not have to be evaluated again.'),
    cache_write_tokens: z.int().describe('Always 0.'),
  }),
  output_tokens: z.int().describe('Reasoning included.'),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});
export type ResponseUsage = z.infer<typeof ResponseUsage>;

export const ResponseObject = z.strictObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int().describe('Unix seconds.'),
  completed_at: z.int().nullable().describe('Unix seconds; null unless the response is completed.'),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  background: z.literal(false),
  error: z.object({ code: z.enum(['server_error', 'invalid_prompt']), message: z.string() }).nullable(),
  incomplete_details: z
    .object({ reason: z.literal('max_output_tokens') })
    .nullable()
    .describe('Why the status is `incomplete`: the token limit, or the end of the context.'),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  max_tool_calls: z.int().nullable(),
  metadata: z.record(z.string(), z.string()),
  model: z.string(),
  output: z.array(OutputItem),
  parallel_tool_calls: z.boolean(),
  previous_response_id: z.string().nullable(),
  reasoning: z.object({ effort: ReasoningEffort.nullable(), summary: SummaryKind.nullable() }).nullable(),
  store: z.boolean(),
  temperature: z.number(),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: z.int(),
  text: z.object({ format: TextFormat, verbosity: Verbosity.optional() }),
  tool_choice: ResponseToolChoice,
  tools: z.array(
    FunctionTool.extend({
      description: z.string().nullable(),
      parameters: FunctionTool.shape.parameters.unwrap().unwrap().nullable(),
      strict: z.boolean().nullable(),
    }),
  ),
  truncation: z.literal('disabled'),
  service_tier: z.literal('default'),
  user: z.string().nullable(),
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
  usage: ResponseUsage.nullable().describe('Null until the response has ended.'),
});
export type ResponseObject = z.infer<typeof ResponseObject>;

export function toResponseUsage(usage: TokenUsage): ResponseUsage {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens, cache_write_tokens: 0 },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}
