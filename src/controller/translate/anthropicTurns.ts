import type { ChatMessage } from '../../protocol/generateRequest.js';
import type { AssistantBlock, RequestMessage, UserBlock } from '../../protocol/anthropic/messages.js';

/** Between the texts of neighbouring blocks, which the API keeps apart and a prompt does not. */
const blockSeparator = '\n';

interface TextBlock {
  readonly text: string;
}

/** Messages of Anthropic's API in the words of the worker's protocol; neighbours of one role become one turn. */
export function toTurns(messages: readonly RequestMessage[]): ChatMessage[] {
  const turns: ChatMessage[] = [];
  const lastUser = messages.findLastIndex(({ role }) => role === 'user');
  const shown = messages.filter((message, index) => index > lastUser || !isCleared(message));
  for (const turn of shown.flatMap(toChatMessages)) {
    const last = turns.at(-1);
    const joined = last && tryJoin(last, turn);
    if (joined) turns.splice(-1, 1, joined);
    else turns.push(turn);
  }
  return turns;
}

/** Once a user has spoken behind it. */
function isCleared(message: RequestMessage): boolean {
  return message.role === 'system' && message.clear_at === 'next_user_message';
}

export function joinTexts(content: string | readonly TextBlock[]): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join(blockSeparator);
}

function toChatMessages(message: RequestMessage): ChatMessage[] {
  const { role, content } = message;
  if (role === 'system') return [{ role, content: joinTexts(content) }];
  if (typeof content === 'string') return [{ role, content }];
  return role === 'user' ? fromUser(content) : [fromAssistant(content)];
}

/** Results go first: templates want them directly behind their calls. */
function fromUser(blocks: readonly UserBlock[]): ChatMessage[] {
  const results = blocks.flatMap((block): ChatMessage[] => {
    if (block.type !== 'tool_result') return [];
    const text = joinTexts(block.content ?? '');
    const content = block.is_error === true ? `Error: ${text}` : text;
    return [{ role: 'tool', toolCallId: block.tool_use_id, content }];
  });
  const texts = blocks.filter((block) => block.type === 'text');
  if (texts.length === 0 && results.length > 0) return results;
  return [...results, { role: 'user', content: joinTexts(texts) }];
}

function fromAssistant(blocks: readonly AssistantBlock[]): ChatMessage {
  const thoughts = blocks.flatMap((block) => (block.type === 'thinking' ? [block.thinking] : []));
  const toolCalls = blocks.flatMap((block) =>
    block.type === 'tool_use'
      ? [{ id: block.id, name: block.name, arguments: JSON.stringify(block.input ?? {}) }]
      : [],
  );
  const reasoning = thoughts.join(blockSeparator);
  return {
    role: 'assistant',
    content: joinTexts(blocks.filter((block) => block.type === 'text')),
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function tryJoin(a: ChatMessage, b: ChatMessage): ChatMessage | undefined {
  if (a.role === 'assistant' && b.role === 'assistant') {
    const reasoning = joinNonEmpty(a.reasoning, b.reasoning);
    const toolCalls = [...(a.toolCalls ?? []), ...(b.toolCalls ?? [])];
    return {
      role: 'assistant',
      content: joinNonEmpty(a.content, b.content),
      ...(reasoning === '' ? {} : { reasoning }),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    };
  }
  if (a.role !== b.role || (a.role !== 'user' && a.role !== 'system')) return undefined;
  return { role: a.role, content: joinNonEmpty(a.content, b.content) };
}

function joinNonEmpty(...texts: readonly (string | undefined)[]): string {
  return texts.filter((text) => text !== undefined && text !== '').join(blockSeparator);
}
