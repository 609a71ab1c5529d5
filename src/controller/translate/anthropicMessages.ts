import { ApiError } from '../../protocol/apiError.js';
import type { CountTokensRequest, MessagesRequest } from '../../protocol/anthropic/messages.js';
import { refuseMessageParameters } from '../../protocol/anthropic/refusedParameters.js';
import type { CountRequest } from '../../protocol/count.js';
import type {
  ChatGenerateRequest,
  ChatMessage,
  OutputConstraint,
  Principal,
  TemplateOptions,
} from '../../protocol/generateRequest.js';
import { joinTexts, toTurns } from './anthropicTurns.js';
import { toTemplateOptions } from './chatCompletion.js';
import { toSampling } from './sampling.js';
import { toToolUse, type ClientToolChoice } from './tools.js';

/**
 * A request of Anthropic's Messages API in the words of the worker's protocol.
 *
 * @throws ApiError (400) for contradictions and for what is not supported.
 */
export function toMessageRequest(
  body: MessagesRequest,
  { requestId, principal }: { requestId: string; principal: Principal },
): ChatGenerateRequest {
  if (body.messages.at(-1)?.role === 'assistant')
    throw new ApiError('unsupported_value', {
      message:
        'This server does not support assistant message prefill. The conversation must end with a user message.',
      param: 'messages',
    });
  const choice = body.tool_choice;
  return {
    ...toCountRequest(body),
    requestId,
    principal,
    kind: 'chat',
    choice: 0,
    parallelToolCalls: choice == null || choice.type === 'none' || choice.disable_parallel_tool_use !== true,
    constraint: toConstraint(body),
    sampling: toSampling({ temperature: body.temperature, top_p: body.top_p, top_k: body.top_k }),
    maxTokens: body.max_tokens,
    stop: body.stop_sequences ?? [],
    ignoreEos: false,
    topLogprobs: null,
    deadlineMs: null,
    resumeTokens: [],
  };
}

/**
 * What the prompt of a request is made of.
 *
 * @throws ApiError (400) for contradictions and for what is not supported.
 */
export function toCountRequest(body: CountTokensRequest): CountRequest {
  refuseMessageParameters(body);
  const tools = (body.tools ?? []).map((tool) => ({ ...tool, parameters: tool.input_schema }));
  return {
    model: body.model,
    messages: [...toSystem(body.system), ...toTurns(body.messages)],
    ...toToolUse(tools, toClientToolChoice(body.tool_choice)),
    templateOptions: toTemplateOptions(body.output_config?.effort, toSwitches(body.thinking)),
  };
}

/**
 * A line with which Claude Code begins its system prompt. It is another one in every request, and no text for the
 * model: left in, nothing behind it could ever come from the cache.
 */
const billingLine = /^x-anthropic-billing-header:[^\n]*\n?/;

function toSystem(system: CountTokensRequest['system']): ChatMessage[] {
  const blocks = typeof system === 'string' ? [{ text: system }] : (system ?? []);
  const texts = blocks.map(({ text }) => ({ text: text.replace(billingLine, '') }));
  const content = joinTexts(texts.filter(({ text }) => text !== ''));
  return content === '' ? [] : [{ role: 'system', content }];
}

function toClientToolChoice(choice: CountTokensRequest['tool_choice']): ClientToolChoice | null {
  if (choice == null) return null;
  if (choice.type === 'tool') return { name: choice.name };
  return choice.type === 'any' ? 'required' : choice.type;
}

function toSwitches(thinking: CountTokensRequest['thinking']): TemplateOptions | null {
  return thinking == null ? null : { enable_thinking: thinking.type !== 'disabled' };
}

/** Always strict: the API promises an answer that fits, and refuses what it cannot enforce. */
function toConstraint({ output_config, output_format }: MessagesRequest): OutputConstraint {
  const format = output_config?.format ?? output_format;
  return format == null ? { type: 'text' } : { type: 'json_schema', schema: format.schema, strict: true };
}
