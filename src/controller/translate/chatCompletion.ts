import { ApiError } from '../../protocol/apiError.js';
import {
  type ChatGenerateRequest,
  type OutputConstraint,
  type Principal,
  type TemplateOptions,
} from '../../protocol/generateRequest.js';
import type { ChatCompletionRequest } from '../../protocol/openai/chatCompletions.js';
import { toChatMessages } from './messages.js';
import { refuseStrayStreamOptions, toSampling, toStopTexts, withSeedOfChoice } from './sampling.js';
import { toToolUse, type ClientToolChoice } from './tools.js';

/**
 * A chat completion in the words of the worker's protocol: one request for each choice. Defaults are OpenAI's.
 *
 * @throws ApiError (400) for contradictions, and for what a message cannot have here.
 */
export function toChatRequests(
  body: ChatCompletionRequest,
  { requestId, principal }: { requestId: string; principal: Principal },
): ChatGenerateRequest[] {
  refuseStrayStreamOptions(body);
  const request: ChatGenerateRequest = {
    requestId,
    model: body.model,
    principal,
    kind: 'chat',
    choice: 0,
    messages: toChatMessages(body.messages),
    ...toToolUse(
      (body.tools ?? []).map((tool) => tool.function),
      toClientToolChoice(body.tool_choice),
    ),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    templateOptions: toTemplateOptions(body.reasoning_effort, body.chat_template_kwargs),
    constraint: toConstraint(body.response_format),
    sampling: toSampling(body),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    stop: toStopTexts(body.stop),
    ignoreEos: body.ignore_eos ?? false,
    topLogprobs: toTopLogprobs(body),
    deadlineMs: null,
    resumeTokens: [],
  };
  return Array.from({ length: body.n ?? 1 }, (_, choice) => withSeedOfChoice(request, choice));
}

function toClientToolChoice(choice: ChatCompletionRequest['tool_choice']): ClientToolChoice | null {
  if (choice == null || typeof choice === 'string') return choice ?? null;
  if (choice.type === 'function') return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, allowed: tools.map((tool) => tool.function.name) };
}

const effortOfTemplates = {
  none: undefined,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
} as const;

/** OpenAI's effort and llama.cpp's switches, which win, as far as a chat template knows either. */
export function toTemplateOptions(
  effort: ChatCompletionRequest['reasoning_effort'],
  switches: TemplateOptions | null | undefined,
): TemplateOptions {
  const level = effort == null ? undefined : effortOfTemplates[effort];
  return {
    ...(effort === 'none' ? { enable_thinking: false } : {}),
    ...(level === undefined ? {} : { reasoning_effort: level }),
    ...switches,
  };
}

function toConstraint(format: ChatCompletionRequest['response_format']): OutputConstraint {
  if (format == null || format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') {
    if (format.schema == null) return { type: 'json_object' };
    return { type: 'json_schema', schema: format.schema, strict: false };
  }
  const { schema, strict } = format.json_schema;
  return { type: 'json_schema', schema: schema ?? {}, strict: strict === true };
}

function toTopLogprobs({ logprobs, top_logprobs: top }: ChatCompletionRequest): number | null {
  if (logprobs === true) return top ?? 0;
  if (top == null || top === 0) return null;
  throw new ApiError('invalid_value', {
    message: "'top_logprobs' is only allowed together with 'logprobs': true.",
    param: 'top_logprobs',
  });
}
