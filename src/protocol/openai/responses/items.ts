import { z } from 'zod';
import { ChatLogprobs } from '../logprobs.js';

/** Items of the Responses API as this server writes and keeps them; what clients send is in `inputItems.ts`. */

export const ItemStatus = z
  .enum(['in_progress', 'completed', 'incomplete'])
  .describe('`incomplete` was cut off.');
export type ItemStatus = z.infer<typeof ItemStatus>;

export const InputText = z.object({ type: z.literal('input_text'), text: z.string() });
export type InputText = z.infer<typeof InputText>;

/** One entry a token. */
export const TextLogprobs = ChatLogprobs.shape.content;
export type TextLogprobs = z.infer<typeof TextLogprobs>;

export const OutputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: TextLogprobs,
});
export type OutputText = z.infer<typeof OutputText>;

export const ReasoningText = z.object({ type: z.literal('reasoning_text'), text: z.string() });
export type ReasoningText = z.infer<typeof ReasoningText>;

export const InputMessage = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.enum(['user', 'system', 'developer']),
  status: ItemStatus,
  content: z.array(InputText),
});

export const OutputMessage = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  status: ItemStatus,
  content: z.array(OutputText),
});

export const FunctionCall = z.object({
  id: z.string(),
  type: z.literal('function_call'),
  call_id: z.string().describe('What the output of the call refers to.'),
  name: z.string(),
  arguments: z.string().describe('JSON text.'),
  status: ItemStatus,
});

export const FunctionCallOutput = z.object({
  id: z.string(),
  type: z.literal('function_call_output'),
  call_id: z.string(),
  output: z.union([z.string(), z.array(InputText)]),
  status: ItemStatus,
});

export const Reasoning = z.object({
  id: z.string(),
  type: z.literal('reasoning'),
  summary: z
    .array(z.object({ type: z.literal('summary_text'), text: z.string() }))
    .describe('Always empty: there are no summaries.'),
  content: z.array(ReasoningText).describe("The model's own words."),
  status: ItemStatus,
});

export const OutputItem = z.discriminatedUnion('type', [OutputMessage, FunctionCall, Reasoning]);
export type OutputItem = z.infer<typeof OutputItem>;

/** All that a conversation consists of. */
export const Item = z.union([InputMessage, OutputMessage, FunctionCall, FunctionCallOutput, Reasoning]);
export type Item = z.infer<typeof Item>;
