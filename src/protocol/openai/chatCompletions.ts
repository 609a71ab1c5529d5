import { z } from 'zod';
import { JsonSchema, TemplateOptions, ToolDefinition } from '../generateRequest.js';
import { nonEmptyText } from './elements.js';
import { ChatLogprobs } from './logprobs.js';
import { modelName, samplingParameters, stream, streamOptions, tokenLimit } from './sampling.js';
import { CompletionUsage, systemFingerprint } from './usage.js';

/**
 * `POST /v1/chat/completions`: request and answers. Objects of the request are loose, because clients send newer
 * fields; what is known to change the answer and is not supported is refused by `unsupportedParameters.ts`.
 */

const ContentPart = z.looseObject({
  type: z.string().describe('`text`; other parts are refused.'),
  text: z.string().optional().describe('Required where the type is `text`.'),
});

const jsonText = z.string().describe('JSON text.');

const CalledTool = z.looseObject({
  id: z.string().describe('What the result refers to as `tool_call_id`.'),
  type: z.literal('function').nullish().describe('The only kind there is.'),
  function: z
    .looseObject({ name: nonEmptyText.describe('Of the tool.'), arguments: jsonText })
    .describe('The call.'),
});

export const RequestMessage = z.looseObject({
  role: z
    .enum(['developer', 'system', 'user', 'assistant', 'tool', 'function'])
    .describe('To the model `developer` is `system`; `function` is refused.'),
  content: z
    .union([z.string(), z.array(ContentPart)])
    .nullish()
    .describe('Required, except from an assistant that called tools.'),
  tool_calls: z.array(CalledTool).nullish().describe('What the assistant called.'),
  tool_call_id: z
    .string()
    .nullish()
    .describe('Which call this is the result of; required with the role `tool`.'),
  reasoning_content: z.string().nullish().describe('What the assistant thought before the answer.'),
});
export type RequestMessage = z.infer<typeof RequestMessage>;

/** Of a tool: what OpenAI and the worker both accept. */
export const toolName = ToolDefinition.shape.name;

export const strict = z.boolean().nullish().describe('Refuse a schema that cannot be enforced whole.');
export const toolDescription = z.string().nullish().describe('What it does, for the model.');

const Tool = z.looseObject({
  type: z.literal('function'),
  function: z
    .looseObject({
      name: toolName.describe('How the model calls it.'),
      description: toolDescription,
      parameters: JsonSchema.nullish().describe('JSON Schema of the arguments; without one any object fits.'),
      strict,
    })
    .describe('The function.'),
});

const NamedTool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({ name: nonEmptyText.describe('Of a tool.') }).describe('The tool.'),
});

const AllowedTools = z.looseObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z
    .looseObject({
      mode: z.enum(['auto', 'required']).describe('Whether the model has to call one of them.'),
      tools: z.array(NamedTool).describe('Those of `tools` that may be called.'),
    })
    .describe('Some of the tools.'),
});

export const schemaName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, A-Z, 0-9, _ and -')
  .describe('A name for the schema; the model does not see it.');
export const schemaDescription = z
  .string()
  .nullish()
  .describe('What the schema is for; the model does not see it.');

export const ResponseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({
    type: z.literal('json_object'),
    schema: JsonSchema.nullish().describe('As llama.cpp takes it.'),
  }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z
      .looseObject({
        name: schemaName,
        description: schemaDescription,
        schema: JsonSchema.nullish().describe('JSON Schema of the answer.'),
        strict,
      })
      .describe('What the answer has to be.'),
  }),
]);

export const ReasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

export const ChatCompletionRequest = z.looseObject({
  model: modelName,
  messages: z.array(RequestMessage).min(1).describe('The conversation so far.'),
  max_completion_tokens: tokenLimit,
  max_tokens: tokenLimit.describe('The older name of `max_completion_tokens`, which wins.'),
  ...samplingParameters,
  logprobs: z.boolean().nullish().describe('Report the log probability of each token.'),
  top_logprobs: z
    .int()
    .min(0)
    .max(20)
    .nullish()
    .describe('With `logprobs`: report so many of the most likely tokens, too.'),
  tools: z.array(Tool).max(128).nullish().describe('Functions that the model may call.'),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), NamedTool, AllowedTools])
    .nullish()
    .describe(
      'Whether the model may, must, or must not call tools, and which; `auto` where there are tools.',
    ),
  parallel_tool_calls: z
    .boolean()
    .nullish()
    .describe('Whether one answer may have several calls; true by default.'),
  response_format: ResponseFormat.nullish().describe('What the answer has to be; enforced while generating.'),
  reasoning_effort: ReasoningEffort.nullish().describe(
    "How much to think, as far as the model's template knows of it; `none` turns thinking off.",
  ),
  /** Any other switch would change the prompt in ways that nobody here knows. */
  chat_template_kwargs: TemplateOptions.nullish().describe("Switches of the model's template."),
  stream,
  stream_options: streamOptions,
});
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

const FinishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

const identity = {
  id: z.string(),
  created: z.int().describe('Unix seconds.'),
  model: z.string(),
  system_fingerprint: systemFingerprint,
};

const ToolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: jsonText }),
});

export const ChatCompletion = z.object({
  ...identity,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        reasoning_content: z.string().optional().describe('What the model thought before the answer.'),
        tool_calls: z.array(ToolCall).optional(),
      }),
      logprobs: ChatLogprobs.nullable(),
      finish_reason: FinishReason,
    }),
  ),
  usage: CompletionUsage,
});
export type ChatCompletion = z.infer<typeof ChatCompletion>;

export const ChatCompletionChunk = z.object({
  ...identity,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        refusal: z.null().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z
          .array(
            z.object({
              index: z.int().describe('Which call of the answer this continues.'),
              id: z.string().optional(),
              type: z.literal('function').optional(),
              function: z.object({
                name: z.string().optional(),
                arguments: z.string().describe('The next part of the JSON text.'),
              }),
            }),
          )
          .optional(),
      }),
      logprobs: ChatLogprobs.nullable(),
      finish_reason: FinishReason.nullable(),
    }),
  ),
  usage: CompletionUsage.nullish().describe(
    'Absent unless `stream_options.include_usage` was set; then null in every chunk but the last.',
  ),
});
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;
