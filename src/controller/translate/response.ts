import { ApiError } from '../../protocol/apiError.js';
import type { ChatGenerateRequest, ChatMessage, OutputConstraint } from '../../protocol/generateRequest.js';
import type { Item } from '../../protocol/openai/responses/items.js';
import type { ResponseRequest } from '../../protocol/openai/responses/request.js';
import type { Asker } from '../endpoints/endpoint.js';
import { toTemplateOptions } from './chatCompletion.js';
import { toResponseMessages } from './responseMessages.js';
import { refuseStrayStreamOptions, toSampling, toStopTexts } from './sampling.js';
import { toToolUse, type ClientToolChoice } from './tools.js';

const logprobsOfText = 'message.output_text.logprobs';

/**
 * A response to these items in the words of the worker's protocol.
 *
 * @throws ApiError (400) for contradictions.
 */
export function toResponseGeneration(
  body: ResponseRequest,
  items: readonly Item[],
  { requestId, principal }: Asker,
): ChatGenerateRequest {
  refuseStrayStreamOptions(body);
  return {
    requestId,
    model: body.model,
    principal,
    kind: 'chat',
    choice: 0,
    messages: [...toInstructions(body.instructions), ...toResponseMessages(items)],
    ...toToolUse(body.tools ?? [], toClientToolChoice(body.tool_choice)),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    templateOptions: toTemplateOptions(body.reasoning?.effort, body.chat_template_kwargs),
    constraint: toConstraint(body.text?.format),
    sampling: toSampling(body),
    maxTokens: body.max_output_tokens ?? null,
    stop: toStopTexts(body.stop),
    ignoreEos: body.ignore_eos ?? false,
    topLogprobs: toTopLogprobs(body),
    deadlineMs: null,
    resumeTokens: [],
  };
}

function toInstructions(instructions: string | null | undefined): ChatMessage[] {
  return instructions ? [{ role: 'system', content: instructions }] : [];
}

function toClientToolChoice(choice: ResponseRequest['tool_choice']): ClientToolChoice | null {
  if (choice == null || typeof choice === 'string') return choice ?? null;
  if (choice.type === 'function') return { name: choice.name };
  return { mode: choice.mode, allowed: choice.tools.map(({ name }) => name) };
}

function toConstraint(format: NonNullable<ResponseRequest['text']>['format']): OutputConstraint {
  if (format == null) return { type: 'text' };
  if (format.type !== 'json_schema') return { type: format.type };
  return { type: 'json_schema', schema: format.schema, strict: format.strict === true };
}

function toTopLogprobs({ include, top_logprobs: top }: ResponseRequest): number | null {
  if (include?.includes(logprobsOfText)) return top ?? 0;
  if (top == null || top === 0) return null;
  throw new ApiError('invalid_value', {
    message: `'top_logprobs' is only allowed together with 'include': ['${logprobsOfText}'].`,
    param: 'top_logprobs',
  });
}
