import { z } from 'zod';
import {
  ChatCompletionRequest,
  ReasoningEffort,
  schemaDescription,
  schemaName,
  strict,
  toolDescription,
  toolName,
} from '../chatCompletions.js';
import { nonEmptyText } from '../elements.js';
import {
  modelName,
  onlyStreamed,
  paddedStreamOptions,
  samplingParameters,
  stream,
  tokenLimit,
} from '../sampling.js';
import { Metadata } from '../pairs.js';
import { InputItem } from './inputItems.js';

/** `POST /v1/responses`: the request. What is refused is in `refusedParameters.ts`. */

/** JSON Schema; `true` and `false`, which are schemas as well, say nothing here. */
const SchemaObject = z.record(z.string(), z.unknown());

export const FunctionTool = z.looseObject({
  type: z.literal('function'),
  name: toolName.describe('How the model calls it.'),
  description: toolDescription,
  parameters: SchemaObject.nullish().describe('JSON Schema of the arguments; without one any object fits.'),
  strict,
});

const NamedTool = z.looseObject({
  type: z.literal('function'),
  name: nonEmptyText.describe('Of a tool.'),
});

export const ResponseToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    NamedTool,
    z.looseObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']).describe('Whether the model has to call one of them.'),
      tools: z.array(NamedTool).describe('Those of `tools` that may be called.'),
    }),
  ]),
]);

export const TextFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: schemaName,
    description: schemaDescription,
    schema: SchemaObject.describe('JSON Schema of the answer.'),
    strict,
  }),
]);
export type TextFormat = z.infer<typeof TextFormat>;

export const Verbosity = z.enum(['low', 'medium', 'high']);
export const SummaryKind = z.enum(['auto', 'concise', 'detailed']);

export const ResponseRequest = z.looseObject({
  model: modelName,
  input: z
    .union([z.string(), z.array(InputItem)])
    .nullish()
    .describe('What is said: a text of the user, or items. May be left out with `previous_response_id`.'),
  instructions: z
    .string()
    .nullish()
    .describe('A system message in front; not taken over from the previous response.'),
  previous_response_id: z
    .string()
    .min(1)
    .nullish()
    .describe('A stored response to go on from: all that was said until then comes first.'),
  tools: z.array(FunctionTool).max(128).nullish().describe('Functions that the model may call.'),
  tool_choice: ResponseToolChoice.nullish().describe(
    'Whether the model may, must, or must not call tools, and which; `auto` where there are tools.',
  ),
  parallel_tool_calls: ChatCompletionRequest.shape.parallel_tool_calls,
  text: z
    .looseObject({
      format: TextFormat.nullish().describe('What the text has to be; enforced while generating.'),
      verbosity: Verbosity.nullish().describe('Without effect; repeated in the response.'),
    })
    .nullish()
    .describe('How the text of the answer is written.'),
  reasoning: z
    .looseObject({
      effort: ReasoningEffort.nullish().describe(
        "How much to think, as far as the model's template knows of it; `none` turns thinking off.",
      ),
      summary: SummaryKind.nullish().describe(
        'Without effect: the reasoning itself is in the output. Repeated in the response.',
      ),
    })
    .nullish()
    .describe('How the model thinks.'),
  chat_template_kwargs: ChatCompletionRequest.shape.chat_template_kwargs,
  ...samplingParameters,
  n: samplingParameters.n.describe('Only 1: a response is one answer.'),
  max_output_tokens: tokenLimit,
  max_tool_calls: z
    .int()
    .min(1)
    .nullish()
    .describe("Without effect: there are no tools of the server's own. Repeated in the response."),
  top_logprobs: z
    .int()
    .min(0)
    .max(20)
    .nullish()
    .describe(
      "With `include: ['message.output_text.logprobs']`: report so many of the most likely tokens, too.",
    ),
  include: z
    .array(z.string())
    .nullish()
    .describe('`message.output_text.logprobs` reports log probabilities; anything else is without effect.'),
  metadata: Metadata.nullish().describe('Kept with the response; without effect.'),
  store: z.boolean().nullish().describe('Whether the response is kept for 30 days; true by default.'),
  stream,
  stream_options: paddedStreamOptions.nullish().describe(onlyStreamed),
  service_tier: z.string().nullish().describe('Without effect.'),
  user: z.string().nullish().describe('Without effect; repeated in the response.'),
  safety_identifier: z.string().nullish().describe('Without effect; repeated in the response.'),
  prompt_cache_key: z.string().nullish().describe('Without effect; repeated in the response.'),
});
export type ResponseRequest = z.infer<typeof ResponseRequest>;
