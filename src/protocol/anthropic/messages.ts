import { z } from 'zod';
import { ToolDefinition } from '../generateRequest.js';
import { strict, toolDescription } from '../openai/chatCompletions.js';
import { nonEmptyText } from '../openai/elements.js';
import { decimal, modelName, samplingParameters, stream } from '../openai/sampling.js';

/**
 * Requests of `POST /v1/messages` and `POST /v1/messages/count_tokens`, as the types of Anthropic's official client
 * have them. Objects are loose, because clients send newer fields; blocks and tools of kinds that no model here knows
 * are refused by their type.
 */

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string().describe('The text.') });

const texts = z.union([z.string(), z.array(TextBlock)]);

const UserBlock = z.discriminatedUnion('type', [
  TextBlock,
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string().describe('The id of the call.'),
    content: texts.nullish().describe('What the tool said.'),
    is_error: z.boolean().nullish().describe('The model reads `Error: ` in front of the content.'),
  }),
]);
export type UserBlock = z.infer<typeof UserBlock>;

const AssistantBlock = z.discriminatedUnion('type', [
  TextBlock,
  z.looseObject({
    type: z.literal('thinking'),
    thinking: z.string().describe('What the assistant thought before the answer.'),
  }),
  /** Encrypted by Anthropic: nobody else can read it. */
  z.looseObject({ type: z.literal('redacted_thinking') }),
  z.looseObject({
    type: z.literal('tool_use'),
    id: z.string().describe('What the result refers to as `tool_use_id`.'),
    name: nonEmptyText.describe('Of the tool.'),
    input: z.record(z.string(), z.unknown()).nullish().describe('Its arguments.'),
  }),
]);
export type AssistantBlock = z.infer<typeof AssistantBlock>;

const userContent = z
  .union([z.string(), z.array(UserBlock)])
  .describe('A text, or texts and results of tools.');
const assistantContent = z
  .union([z.string(), z.array(AssistantBlock)])
  .describe('A text, or texts, thoughts and calls of tools.');

export const RequestMessage = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('user'), content: userContent }),
  z.looseObject({ role: z.literal('assistant'), content: assistantContent }),
  z.looseObject({
    role: z.literal('system'),
    content: texts.describe('A text, or texts.'),
    clear_at: z
      .enum(['next_user_message', 'never'])
      .nullish()
      .describe(
        '`next_user_message`: the model does not see it any more once a user has said something behind it.',
      ),
  }),
]);
export type RequestMessage = z.infer<typeof RequestMessage>;

const Tool = z.looseObject({
  type: z.literal('custom').nullish().describe('Other kinds of tools are refused.'),
  name: ToolDefinition.shape.name.describe('How the model calls it.'),
  description: toolDescription,
  input_schema: z.record(z.string(), z.unknown()).describe('JSON Schema of the arguments.'),
  strict,
});

const parallel = {
  disable_parallel_tool_use: z.boolean().nullish().describe('At most one call in an answer.'),
};
const ToolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('auto'), ...parallel }),
  z.looseObject({ type: z.literal('any'), ...parallel }),
  z.looseObject({ type: z.literal('tool'), name: z.string().min(1).describe('Of a tool.'), ...parallel }),
  z.looseObject({ type: z.literal('none') }),
]);

const Thinking = z.looseObject({
  type: z
    .enum(['enabled', 'adaptive', 'disabled'])
    .describe("Sets `enable_thinking` of the model's template; without it the template decides."),
  display: z
    .enum(['summarized', 'omitted'])
    .nullish()
    .describe('`omitted` leaves the text of thinking out of the answer.'),
});

const OutputFormat = z
  .looseObject({
    type: z.literal('json_schema'),
    schema: z.record(z.string(), z.unknown()).describe('JSON Schema of the answer.'),
  })
  .nullish();

/** What the prompt is made of, and what else both calls take. */
const promptParameters = {
  model: modelName,
  messages: z
    .array(RequestMessage)
    .min(1)
    .describe('The conversation so far; it ends with a user, except where tokens are counted.'),
  system: texts.nullish().describe('The system prompt.'),
  tools: z.array(Tool).max(256).nullish().describe('Functions that the model may call.'),
  tool_choice: ToolChoice.nullish().describe(
    'Whether the model may, must, or must not call tools, and which; `auto` where there are tools.',
  ),
  thinking: Thinking.nullish().describe('Whether the model thinks before it answers.'),
  output_config: z
    .looseObject({
      effort: z
        .enum(['low', 'medium', 'high', 'xhigh', 'max'])
        .nullish()
        .describe("How much to think, as far as the model's template knows of it."),
      format: OutputFormat.describe('What the answer has to be; enforced while generating.'),
    })
    .nullish()
    .describe('How the answer is written.'),
  output_format: OutputFormat.describe('The older place of `output_config.format`.'),
};

export const CountTokensRequest = z.looseObject(promptParameters);
export type CountTokensRequest = z.infer<typeof CountTokensRequest>;

export const TokenCount = z.object({ input_tokens: z.int() });
export type TokenCount = z.infer<typeof TokenCount>;

export const MessagesRequest = z.looseObject({
  ...promptParameters,
  max_tokens: z.int().min(1).describe('Most tokens to generate.'),
  temperature: decimal(0, 1).describe('How random the choice of tokens is; 0 is greedy, 1 the default.'),
  top_p: samplingParameters.top_p,
  top_k: z.int().min(0).nullish().describe('Sample from so many of the most likely tokens; 0 is all.'),
  stop_sequences: z
    .array(z.string().min(1))
    .max(256)
    .nullish()
    .describe('Texts at which the answer ends; they are not part of it.'),
  stream,
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;
