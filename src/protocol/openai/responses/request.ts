import { z } from 'zod';
import { TemplateOptions } from '../../generateRequest.js';
import { ReasoningEffort, toolName } from '../chatCompletions.js';
import { samplingParameters, streamOptions, tokenLimit } from '../sampling.js';
import { InputItem } from './inputItems.js';

/** `POST /v1/responses`: the request. What is refused is in `refusedParameters.ts`. */

/** JSON Schema; `true` and `false`, which are schemas as well, say nothing here. */
const SchemaObject = z.record(z.string(), z.unknown());

export const FunctionTool = z.looseObject({
  type: z.literal('function'),
  name: toolName,
  description: z.string().nullish(),
  parameters: SchemaObject.nullish(),
  strict: z.boolean().nullish(),
});

const NamedTool = z.looseObject({ type: z.literal('function'), name: z.string().min(1) });

export const ResponseToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    NamedTool,
    z.looseObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']),
      tools: z.array(NamedTool),
    }),
  ]),
]);

export const TextFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, A-Z, 0-9, _ and -'),
    description: z.string().nullish(),
    schema: SchemaObject,
    strict: z.boolean().nullish(),
  }),
]);
export type TextFormat = z.infer<typeof TextFormat>;

export const Verbosity = z.enum(['low', 'medium', 'high']);
export const SummaryKind = z.enum(['auto', 'concise', 'detailed']);

export const ResponseRequest = z.looseObject({
  model: z.string().min(1),
  /** May be left out where `previous_response_id` is given. */
  input: z.union([z.string(), z.array(InputItem)]).nullish(),
  instructions: z.string().nullish(),
  previous_response_id: z.string().min(1).nullish(),
  tools: z.array(FunctionTool).max(128).nullish(),
  tool_choice: ResponseToolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: TextFormat.nullish(), verbosity: Verbosity.nullish() }).nullish(),
  reasoning: z
    .looseObject({
      effort: ReasoningEffort.nullish(),
      summary: SummaryKind.nullish(),
    })
    .nullish(),
  chat_template_kwargs: TemplateOptions.nullish(),
  ...samplingParameters,
  max_output_tokens: tokenLimit,
  max_tool_calls: tokenLimit,
  top_logprobs: z.int().min(0).max(20).nullish(),
  include: z.array(z.string()).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  stream_options: streamOptions,
  service_tier: z.string().nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
});
export type ResponseRequest = z.infer<typeof ResponseRequest>;
