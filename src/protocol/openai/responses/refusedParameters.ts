import { ApiError } from '../../apiError.js';
import {
  equals,
  isEmpty,
  never,
  refuseParameters,
  refuseUnsupportedParameters,
  unsupportedInTools,
  type NeutralValues,
} from '../unsupportedParameters.js';
import type { ResponseRequest } from './request.js';

/** Of the Responses API, accepted only while the value asks for nothing. */
export const unsupportedInResponses: NeutralValues = {
  background: equals(false),
  conversation: never,
  prompt: never,
  context_management: isEmpty,
  personality: never,
  n: equals(1),
};

/** The template decides which thoughts the model sees again, and there is one way to think. */
export const unsupportedInReasoning: NeutralValues = {
  context: equals('auto'),
  mode: equals('standard'),
};

/** What chat completions call it, and where it is here: an answer without it would not be what was asked for. */
export const movedInResponses: Readonly<Record<string, string>> = {
  messages: 'input',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  logprobs: "include: ['message.output_text.logprobs']",
};

/** @throws ApiError (400) for the first parameter that asks for something not supported. */
export function refuseResponseParameters(body: ResponseRequest): void {
  refuseParameters(body, unsupportedInResponses);
  refuseUnsupportedParameters(body);
  refuseParameters(body.reasoning ?? {}, unsupportedInReasoning, 'reasoning.');
  for (const [index, tool] of (body.tools ?? []).entries())
    refuseParameters(tool, unsupportedInTools, `tools[${index}].`);
  for (const [param, place] of Object.entries(movedInResponses)) {
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
