import { toMessageError } from '../../protocol/anthropic/messageError.js';
import {
  toMessageUsage,
  type BlockDelta,
  type ContentBlock,
  type Message,
  type MessageStreamEvent,
  type StopReason,
} from '../../protocol/anthropic/messageEvents.js';
import type { FinishReason, OutputDelta } from '../../protocol/generation.js';
import type { SseFrame } from '../../protocol/sse.js';
import { mintId } from './chatCompletion.js';
import type { Presenter } from './presenter.js';

export interface AnthropicMessageOptions {
  readonly model: string;
  readonly requestId: string;
  readonly maxTokens: number;
  /** Otherwise thinking is announced, and its text left out. */
  readonly showsThinking: boolean;
}

/** The block that is being written. */
interface OpenBlock {
  readonly block: ContentBlock;
  /** Of a call: which one, and its arguments' JSON text so far. */
  readonly call: number | undefined;
  json: string;
}

const noUsage = { promptTokens: 0, completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 };

/**
 * Messages as Anthropic's: a start, one block after another (thinking, text, calls), then why it ended and the usage.
 * Thinking is signed with an empty text: nobody here checks it, and clients that want a signature keep their thoughts.
 */
export function createAnthropicMessagePresenter(options: AnthropicMessageOptions): Presenter {
  const { model, requestId, maxTokens, showsThinking } = options;
  const message: Message = {
    id: mintId('msg_'),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: toUsage(noUsage),
  };
  let open: OpenBlock | undefined;
  let finishReason: FinishReason = 'stop';
  let isComplete = false;

  const toDelta = (delta: BlockDelta): SseFrame =>
    toFrame({ type: 'content_block_delta', index: message.content.length - 1, delta });

  function take(delta: OutputDelta): SseFrame[] {
    const call = delta.type === 'toolCall' ? delta.index : undefined;
    if (delta.delta === '' && call === undefined) return [];
    const isSame = open !== undefined && open.call === call && open.block.type === blockTypes[delta.type];
    return [...(isSame ? [] : [...close(), begin(delta, call)]), ...extend(delta.delta)];
  }

  function begin(delta: OutputDelta, call: number | undefined): SseFrame {
    const block = toEmptyBlock(delta);
    open = { block, call, json: '' };
    message.content.push(block);
    const index = message.content.length - 1;
    return toFrame({ type: 'content_block_start', index, content_block: { ...block } });
  }

  function extend(text: string): SseFrame[] {
    if (!open || text === '') return [];
    const { block } = open;
    switch (block.type) {
      case 'text':
        block.text += text;
        return [toDelta({ type: 'text_delta', text })];
      case 'thinking':
        if (!showsThinking) return [];
        block.thinking += text;
        return [toDelta({ type: 'thinking_delta', thinking: text })];
      case 'tool_use':
        open.json += text;
        return [toDelta({ type: 'input_json_delta', partial_json: text })];
    }
  }

  function close(): SseFrame[] {
    if (!open) return [];
    const { block, json } = open;
    open = undefined;
    if (block.type === 'tool_use') block.input = tryParseObject(json);
    const signature =
      block.type === 'thinking' ? [toDelta({ type: 'signature_delta', signature: block.signature })] : [];
    return [...signature, toFrame({ type: 'content_block_stop', index: message.content.length - 1 })];
  }

  return {
    push(event) {
      switch (event.type) {
        case 'accepted': {
          const { promptTokens, cachedTokens } = event;
          const usage = toUsage({ ...noUsage, promptTokens, cachedTokens });
          return [toFrame({ type: 'message_start', message: { ...message, content: [], usage } })];
        }
        case 'progress':
          return [toFrame({ type: 'ping' })];
        case 'output':
          return event.deltas.flatMap(take);
        case 'ended':
          finishReason = event.finishReason;
          message.stop_sequence = (finishReason === 'stop' ? event.stopText : undefined) ?? null;
          return [...event.deltas.flatMap(take), ...close()];
        case 'done': {
          isComplete = true;
          const isCut = event.usage.completionTokens < maxTokens;
          message.stop_reason = toStopReason(finishReason, message.stop_sequence, isCut);
          message.usage = toUsage(event.usage);
          const { stop_reason, stop_sequence, stop_details, container } = message;
          return [
            toFrame({
              type: 'message_delta',
              delta: { stop_reason, stop_sequence, stop_details, container },
              usage: toMessageUsage(event.usage),
            }),
            toFrame({ type: 'message_stop' }),
          ];
        }
        case 'echo':
          return [];
      }
    },
    result: () => {
      if (!isComplete) throw new Error('the answer is not complete');
      return message;
    },
    fail: (error) => [{ event: 'error', data: toMessageError(error, requestId) }],
  };
}

const blockTypes = { text: 'text', reasoning: 'thinking', toolCall: 'tool_use' } as const;

function toEmptyBlock(delta: OutputDelta): ContentBlock {
  switch (delta.type) {
    case 'text':
      return { type: 'text', text: '', citations: null };
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'toolCall': {
      const name = delta.name ?? '';
      return { type: 'tool_use', id: mintId('toolu_'), name, input: {}, caller: { type: 'direct' } };
    }
  }
}

function toFrame(event: MessageStreamEvent): SseFrame {
  return { event: event.type, data: event };
}

function toUsage(usage: Parameters<typeof toMessageUsage>[0]): Message['usage'] {
  const none = { cache_creation: null, inference_geo: null, speed: null };
  return { ...toMessageUsage(usage), ...none, service_tier: 'standard' };
}

/** `isCut`: the context was full before the client's limit was reached. */
function toStopReason(reason: FinishReason, stopSequence: string | null, isCut: boolean): StopReason {
  switch (reason) {
    case 'tool_calls':
      return 'tool_use';
    case 'length':
      return isCut ? 'model_context_window_exceeded' : 'max_tokens';
    case 'stop':
      return stopSequence === null ? 'end_turn' : 'stop_sequence';
  }
}

/** Arguments that a token limit cut off are no JSON: nothing of them is better than a part that looks whole. */
function tryParseObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
