import { z } from 'zod';
import type { TokenUsage } from '../generation.js';

/** The answers of `POST /v1/messages`, whole or as a stream of events, with the keys that the official types require. */

export const MessageUsage = z.object({
  input_tokens: z.int().describe('Without those of the cache: the prompt has the sum of all three.'),
  cache_creation_input_tokens: z.int().describe('Always 0.'),
  cache_read_input_tokens: z.int().describe('Prompt tokens that did not have to be evaluated again.'),
  output_tokens: z.int(),
  output_tokens_details: z.object({ thinking_tokens: z.int() }),
  server_tool_use: z.null(),
});
export type MessageUsage = z.infer<typeof MessageUsage>;

/** Nothing is paid for writing to the cache here, so that no tokens are told apart as written. */
export function toMessageUsage(usage: TokenUsage): MessageUsage {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    server_tool_use: null,
  };
}

export const ContentBlock = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.object({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
    caller: z.object({ type: z.literal('direct') }),
  }),
]);
export type ContentBlock = z.infer<typeof ContentBlock>;

export const StopReason = z.enum([
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'model_context_window_exceeded',
]);
export type StopReason = z.infer<typeof StopReason>;

const ending = {
  stop_reason: StopReason.nullable(),
  stop_sequence: z.string().nullable().describe('The text that ended the answer, where one did.'),
  stop_details: z.null(),
  container: z.null(),
};

export const Message = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(ContentBlock),
  ...ending,
  diagnostics: z.null(),
  usage: MessageUsage.extend({
    cache_creation: z.null(),
    inference_geo: z.null(),
    service_tier: z.literal('standard'),
    speed: z.null(),
  }),
});
export type Message = z.infer<typeof Message>;

const BlockDelta = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text_delta'), text: z.string() }),
  z.object({ type: z.literal('thinking_delta'), thinking: z.string() }),
  z.object({ type: z.literal('signature_delta'), signature: z.string() }),
  z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
]);
export type BlockDelta = z.infer<typeof BlockDelta>;

/** Each is sent under its type as the event's name. */
export const MessageStreamEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: Message }),
  z.object({ type: z.literal('content_block_start'), index: z.int(), content_block: ContentBlock }),
  z.object({ type: z.literal('content_block_delta'), index: z.int(), delta: BlockDelta }),
  z.object({ type: z.literal('content_block_stop'), index: z.int() }),
  z.object({ type: z.literal('message_delta'), delta: z.object(ending), usage: MessageUsage }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('ping') }),
]);
export type MessageStreamEvent = z.infer<typeof MessageStreamEvent>;
