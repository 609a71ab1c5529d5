import { z } from 'zod';
import { ToolDefinition } from '../generateRequest.js';
import { decimal } from '../openai/sampling.js';

/**
 * Requests of `POST /v1/messages` and `POST /v1/messages/count_tokens`, as the types of Anthropic's official client
 * have them. Objects are loose, because clients send newer fields; blocks and tools of kinds that no model here knows
 * are refused by their type.
 */

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() });

const texts = z.union([z.string(), z.array(TextBlock)]);

const UserBlock = z.discriminatedUnion('type', [
  TextBlock,
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: texts.nullish(),
    is_error: z.boolean().nullish(),
  }),
]);
export type UserBlock = z.infer<typeof UserBlock>;

const AssistantBlock = z.discriminatedUnion('type', [
  TextBlock,
  z.looseObject({ type: z.literal('thinking'), thinking: z.string() }),
  /** Encrypted by Anthropic: nobody else can read it. */
  z.looseObject({ type: z.literal('redacted_thinking') }),
  z.looseObject({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()).nullish(),
  }),
]);
export type AssistantBlock = z.infer<typeof AssistantBlock>;

export const RequestMessage = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('user'), content: z.union([z.string(), z.array(UserBlock)]) }),
  z.looseObject({ role: z.literal('assistant'), content: z.union([z.string(), z.array(AssistantBlock)]) }),
  z.looseObject({ role: z.literal('system'), content: texts }),
]);
export type RequestMessage = z.infer<typeof RequestMessage>;

const Tool = z.looseObject({
  type: z.literal('custom').nullish(),
  name: ToolDefinition.shape.name,
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
});

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };
const ToolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('auto'), ...parallel }),
  z.looseObject({ type: z.literal('any'), ...parallel }),
  z.looseObject({ type: z.literal('tool'), name: z.string().min(1), ...parallel }),
  z.looseObject({ type: z.literal('none') }),
]);

const Thinking = z.looseObject({
  type: z.enum(['enabled', 'adaptive', 'disabled']),
  display: z.enum(['summarized', 'omitted']).nullish(),
});

const OutputFormat = z
  .looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
  .nullish();

/** What the prompt is made of, and what else both calls take. */
const promptParameters = {
  model: z.string().min(1),
  messages: z.array(RequestMessage).min(1),
  system: texts.nullish(),
  tools: z.array(Tool).max(256).nullish(),
  tool_choice: ToolChoice.nullish(),
  thinking: Thinking.nullish(),
  output_config: z
    .looseObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: OutputFormat,
    })
    .nullish(),
  /** Where `output_config.format` was before. */
  output_format: OutputFormat,
};

export const CountTokensRequest = z.looseObject(promptParameters);
export type CountTokensRequest = z.infer<typeof CountTokensRequest>;

export const MessagesRequest = z.looseObject({
  ...promptParameters,
  max_tokens: z.int().min(1),
  temperature: decimal(0, 1),
  top_p: decimal(0, 1),
  top_k: z.int().min(0).nullish(),
  stop_sequences: z.array(z.string().min(1)).max(256).nullish(),
  stream: z.boolean().nullish(),
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;
