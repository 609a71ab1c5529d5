import { ApiError } from '../apiError.js';

/** A value that asks for nothing, so that it can be accepted although the feature is not there. */
export type IsNeutral = (value: unknown) => boolean;
export type NeutralValues = Readonly<Record<string, IsNeutral>>;

export const never: IsNeutral = () => false;
export const equals =
  (...neutral: unknown[]): IsNeutral =>
  (value) =>
    neutral.includes(value);
export const isEmpty: IsNeutral = (value) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const isTextOnly: IsNeutral = (value) => Array.isArray(value) && value.every((item) => item === 'text');

/**
 * Parameters of chat completions that change the answer and are not supported yet. Each is accepted while its value
 * asks for nothing (null always does) and refused otherwise: never silently ignored.
 */
export const unsupportedInChat: NeutralValues = {
  functions: isEmpty,
  function_call: equals('none', 'auto'),
  modalities: isTextOnly,
  audio: never,
  web_search_options: never,
  moderation: never,
  typical_p: equals(1),
  mirostat: equals(0),
  grammar: never,
  json_schema: never,
  guided_json: never,
  guided_regex: never,
  guided_grammar: never,
  guided_choice: never,
  chat_template: never,
  add_generation_prompt: equals(true),
  continue_final_message: equals(false),
  stop_token_ids: isEmpty,
  min_tokens: equals(0),
  best_of: equals(1),
};

/** Of a tool, where an API has them: every tool is shown to the model, which calls it itself. */
export const unsupportedInTools: NeutralValues = {
  allowed_callers: (value) => Array.isArray(value) && value.includes('direct'),
  defer_loading: equals(false),
};

/**
 * `known` are parameters that this endpoint sees to itself.
 *
 * @throws ApiError (400 `unsupported_parameter`) for the first parameter that asks for something not supported.
 */
export function refuseUnsupportedParameters(
  body: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string> = new Set(),
): void {
  const table = Object.entries(unsupportedInChat).filter(([name]) => !known.has(name));
  refuseParameters(body, Object.fromEntries(table));
}

/** The same for an endpoint with a table of its own; `at` is where the object stands, as `tools[0].`. */
export function refuseParameters(
  body: Readonly<Record<string, unknown>>,
  table: NeutralValues,
  at = '',
): void {
  for (const [name, isNeutral] of Object.entries(table)) {
    const value = body[name];
    if (value === undefined || value === null || isNeutral(value)) continue;
    const param = at + name;
    throw new ApiError('unsupported_parameter', {
      message: `Unsupported parameter: '${param}' is not supported by this server yet. Leave it out.`,
      param,
    });
  }
}
