import { randomInt } from 'node:crypto';
import { ApiError } from '../protocol/apiError.js';
import {
  defaultSampling,
  type ChatGenerateRequest,
  type ChatMessage,
  type Principal,
} from '../protocol/generateRequest.js';
import type { ChatCompletionRequest } from '../protocol/openai/chatCompletions.js';

type RequestMessage = ChatCompletionRequest['messages'][number];

/**
 * A chat completion in the words of the worker's protocol. Defaults are OpenAI's; the seed is minted here, so that a
 * resumed generation keeps it.
 *
 * @throws ApiError (400) for what is not supported: roles and content other than text, and contradictions.
 */
export function toGenerateRequest(
  body: ChatCompletionRequest,
  { requestId, principal }: { requestId: string; principal: Principal },
): ChatGenerateRequest {
  if (body.stream_options && !body.stream) {
    throw new ApiError('invalid_value', {
      message: "'stream_options' is only allowed together with 'stream': true.",
      param: 'stream_options',
    });
  }
  return {
    requestId,
    model: body.model,
    principal,
    kind: 'chat',
    choice: 0,
    messages: body.messages.map(toChatMessage),
    tools: [],
    toolChoice: 'none',
    parallelToolCalls: true,
    templateOptions: {},
    constraint: { type: 'text' },
    sampling: {
      ...defaultSampling,
      temperature: body.temperature ?? defaultSampling.temperature,
      topP: body.top_p ?? defaultSampling.topP,
      seed: body.seed == null ? randomInt(0x1_0000_0000) : toUint32(body.seed),
    },
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    ignoreEos: false,
    topLogprobs: null,
    deadlineMs: null,
    resumeTokens: [],
  };
}

function toChatMessage(message: RequestMessage, index: number): ChatMessage {
  const at = `messages[${index}]`;
  if (message.role === 'tool' || message.role === 'function') {
    throw unsupported(
      `${at}.role`,
      `messages of the role '${message.role}' are not supported by this server yet`,
    );
  }
  const toolCalls = message['tool_calls'];
  if (Array.isArray(toolCalls) && toolCalls.length > 0) {
    throw unsupported(`${at}.tool_calls`, 'tool calls are not supported by this server yet');
  }
  return {
    role: message.role,
    content: toText(message.content, `${at}.content`),
  };
}

function toText(content: RequestMessage['content'], at: string): string {
  if (typeof content === 'string') return content;
  if (content == null) {
    throw new ApiError('missing_required_parameter', {
      message: `Missing required parameter: '${at}'.`,
      param: at,
    });
  }
  return content
    .map((part, index) => {
      if (part.type !== 'text') {
        throw unsupported(
          `${at}[${index}].type`,
          `content of the type '${part.type}' is not supported; send 'text'`,
        );
      }
      if (part.text === undefined) {
        const param = `${at}[${index}].text`;
        throw new ApiError('missing_required_parameter', {
          message: `Missing required parameter: '${param}'.`,
          param,
        });
      }
      return part.text;
    })
    .join('');
}

function unsupported(param: string, what: string): ApiError {
  return new ApiError('unsupported_value', { message: `Unsupported value: '${param}': ${what}.`, param });
}

/** OpenAI's seeds are 64 bits wide and may be negative; llama.cpp's have 32 bits. */
function toUint32(seed: number): number {
  return Number(BigInt.asUintN(32, BigInt(seed)));
}
