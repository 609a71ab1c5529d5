import { ApiError } from '../apiError.js';

/** A value that asks for nothing, so that it can be accepted although the feature is not there. */
type IsNeutral = (value: unknown) => boolean;

const never: IsNeutral = () => false;
const equals =
  (...neutral: unknown[]): IsNeutral =>
  (value) =>
    neutral.includes(value);
const isEmpty: IsNeutral = (value) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const isTextFormat: IsNeutral = (value) =>
  typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'text';
const isTextOnly: IsNeutral = (value) => Array.isArray(value) && value.every((item) => item === 'text');

/**
 * Parameters of chat completions that change the answer and are not supported yet. Each is accepted while its value
 * asks for nothing (null always does) and refused otherwise: never silently ignored.
 */
const unsupported: Readonly<Record<string, IsNeutral>> = {
  n: equals(1),
  logprobs: equals(false),
  top_logprobs: equals(0),
  presence_penalty: equals(0),
  frequency_penalty: equals(0),
  repeat_penalty: equals(1),
  repetition_penalty: equals(1),
  logit_bias: isEmpty,
  response_format: isTextFormat,
  tools: isEmpty,
  tool_choice: equals('none', 'auto'),
  functions: isEmpty,
  function_call: equals('none', 'auto'),
  modalities: isTextOnly,
  audio: never,
  reasoning_effort: never,
  web_search_options: never,
  top_k: never,
  min_p: equals(0),
  typical_p: equals(1),
  mirostat: equals(0),
  ignore_eos: equals(false),
  grammar: never,
  json_schema: never,
  guided_json: never,
  guided_regex: never,
  guided_grammar: never,
  guided_choice: never,
  chat_template_kwargs: isEmpty,
  chat_template: never,
  add_generation_prompt: equals(true),
  continue_final_message: equals(false),
  stop_token_ids: isEmpty,
  min_tokens: equals(0),
  best_of: equals(1),
};

/** Throws `unsupported_parameter` for the first parameter of `body` that asks for something not supported yet. */
export function refuseUnsupportedParameters(body: Readonly<Record<string, unknown>>): void {
  for (const [name, isNeutral] of Object.entries(unsupported)) {
    const value = body[name];
    if (value === undefined || value === null || isNeutral(value)) continue;
    throw new ApiError('unsupported_parameter', {
      message: `Unsupported parameter: '${name}' is not supported by this server yet. Leave it out.`,
      param: name,
    });
  }
}
