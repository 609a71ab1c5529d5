import { ApiError } from '../../apiError.js';
import {
  refuseParameters,
  refuseUnsupportedParameters,
  type NeutralValues,
} from '../unsupportedParameters.js';

/** Of the Responses API, accepted only while the value asks for nothing. */
const unsupported: NeutralValues = {
  background: (value) => value === false,
  conversation: () => false,
  prompt: () => false,
  moderation: () => false,
  context_management: (value) => Array.isArray(value) && value.length === 0,
  n: (value) => value === 1,
};

/** What chat completions call it, and where it is here: an answer without it would not be what was asked for. */
const moved: Readonly<Record<string, string>> = {
  messages: 'input',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  logprobs: "include: ['message.output_text.logprobs']",
};

/** @throws ApiError (400) for the first parameter that asks for something not supported. */
export function refuseResponseParameters(body: Readonly<Record<string, unknown>>): void {
  refuseParameters(body, unsupported);
  refuseUnsupportedParameters(body);
  for (const [param, place] of Object.entries(moved)) {
    if (body[param] == null) continue;
    const message = `Unsupported parameter: '${param}'. In the Responses API it is '${place}'.`;
    throw new ApiError('unsupported_parameter', { message, param });
  }
  if (body['truncation'] == null || body['truncation'] === 'disabled') return;
  throw new ApiError('unsupported_value', {
    message:
      "Unsupported value: 'truncation' can only be 'disabled': this server drops nothing of an input, one that is too long is an error.",
    param: 'truncation',
  });
}
