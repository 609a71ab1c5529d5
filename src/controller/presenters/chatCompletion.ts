import { randomUUID } from 'node:crypto';
import type { FinishReason, OutputDelta, SampledLogprob, TokenUsage } from '../../protocol/generation.js';
import type { ChatCompletion, ChatCompletionChunk } from '../../protocol/openai/chatCompletions.js';
import { toChatLogprobs } from '../../protocol/openai/logprobs.js';
import { toCompletionUsage } from '../../protocol/openai/usage.js';
import { sseDone, type SseFrame } from '../../protocol/sse.js';
import { failAsOpenAi, type Presenter } from './presenter.js';

/** What is the same in every chunk of an answer. */
export interface AnswerIdentity {
  /** `chatcmpl-…` */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

/** An id as OpenAI's: a prefix that says of what, and nothing to guess. */
export function mintId(prefix: string): string {
  return `${prefix}${randomUUID().replaceAll('-', '')}`;
}

export function mintIdentity(prefix: string, model: string): AnswerIdentity {
  return { id: mintId(prefix), created: Math.floor(Date.now() / 1000), model };
}

export interface ChatCompletionOptions {
  readonly identity: AnswerIdentity;
  readonly choices: number;
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
}

type ChunkChoice = ChatCompletionChunk['choices'][number];
type Delta = ChunkChoice['delta'];

interface Choice {
  content: string;
  reasoning: string;
  readonly toolCalls: { id: string; name: string; arguments: string }[];
  readonly logprobs: SampledLogprob[];
  /** Of tokens whose text was not sent yet. */
  pendingLogprobs: SampledLogprob[];
  finishReason: FinishReason;
}

/**
 * Chat completions as OpenAI's: for each choice a role, then content, reasoning and tool calls as they come, then the
 * finish reason alone; behind them the usage if asked for, and `[DONE]`.
 */
export function createChatCompletionPresenter(options: ChatCompletionOptions): Presenter {
  const { identity, includeUsage, withLogprobs } = options;
  const choices = Array.from({ length: options.choices }, (): Choice => ({
    content: '',
    reasoning: '',
    toolCalls: [],
    logprobs: [],
    pendingLogprobs: [],
    finishReason: 'stop',
  }));
  let fingerprint = '';
  let usage: TokenUsage | undefined;

  // One for each token: written out, because spread objects are several times slower to make and to write.
  const toChunk = (chunkChoices: ChunkChoice[], total?: TokenUsage): SseFrame => {
    const data: ChatCompletionChunk = {
      id: identity.id,
      created: identity.created,
      model: identity.model,
      object: 'chat.completion.chunk',
      system_fingerprint: fingerprint,
      choices: chunkChoices,
    };
    if (includeUsage) data.usage = total ? toCompletionUsage(total) : null;
    return { data };
  };

  function toDeltaChunk(index: number, delta: Delta, finishReason: FinishReason | null = null): SseFrame {
    const pending = choices[index]?.pendingLogprobs.splice(0) ?? [];
    const logprobs = withLogprobs && pending.length > 0 ? toChatLogprobs(pending) : null;
    return toChunk([{ index, delta, logprobs, finish_reason: finishReason }]);
  }

  /** Takes a piece of output in, and says what a chunk says of it; nothing where it is empty. */
  function take(choice: Choice, delta: OutputDelta): Delta | undefined {
    switch (delta.type) {
      case 'text':
        choice.content += delta.delta;
        return delta.delta === '' ? undefined : { content: delta.delta };
      case 'reasoning':
        choice.reasoning += delta.delta;
        return delta.delta === '' ? undefined : { reasoning_content: delta.delta };
      case 'toolCall': {
        const known = choice.toolCalls[delta.index];
        if (known) {
          known.arguments += delta.delta;
          if (delta.delta === '') return undefined;
          return { tool_calls: [{ index: delta.index, function: { arguments: delta.delta } }] };
        }
        const call = { id: mintId('call_'), name: delta.name ?? '', arguments: delta.delta };
        choice.toolCalls[delta.index] = call;
        const { id, name, arguments: args } = call;
        return {
          tool_calls: [{ index: delta.index, id, type: 'function', function: { name, arguments: args } }],
        };
      }
    }
  }

  function takeAll(index: number, deltas: readonly OutputDelta[], logprobs: readonly SampledLogprob[] = []) {
    const choice = choices[index];
    if (!choice) return [];
    choice.logprobs.push(...logprobs);
    choice.pendingLogprobs.push(...logprobs);
    return deltas.flatMap((delta) => {
      const said = take(choice, delta);
      return said ? [toDeltaChunk(index, said)] : [];
    });
  }

  return {
    push(event) {
      switch (event.type) {
        case 'accepted':
          fingerprint = event.fingerprint;
          return choices.map((_, index) =>
            toDeltaChunk(index, { role: 'assistant', content: '', refusal: null }),
          );
        case 'output':
          return takeAll(event.choice, event.deltas, event.logprobs);
        case 'ended': {
          const choice = choices[event.choice];
          if (choice) choice.finishReason = event.finishReason;
          return [...takeAll(event.choice, event.deltas), toDeltaChunk(event.choice, {}, event.finishReason)];
        }
        case 'done':
          usage = event.usage;
          return [...(includeUsage ? [toChunk([], event.usage)] : []), sseDone];
        case 'progress':
        case 'echo':
          return [];
      }
    },
    result: (): ChatCompletion => {
      if (!usage) throw new Error('the answer is not complete');
      return {
        ...identity,
        object: 'chat.completion',
        system_fingerprint: fingerprint,
        choices: choices.map((choice, index) => ({
          index,
          message: toMessage(choice),
          logprobs: withLogprobs ? toChatLogprobs(choice.logprobs) : null,
          finish_reason: choice.finishReason,
        })),
        usage: toCompletionUsage(usage),
      };
    },
    fail: failAsOpenAi,
  };
}

function toMessage({ content, reasoning, toolCalls }: Choice): ChatCompletion['choices'][number]['message'] {
  return {
    role: 'assistant',
    content: content === '' && toolCalls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
            id,
            type: 'function' as const,
            function: { name, arguments: args },
          })),
        }),
  };
}
