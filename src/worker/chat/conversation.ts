import type { ChatMessage, ToolCall } from '../../protocol/generateRequest.js';
import type { ReasoningTags } from '../outputParser/outputFormat.js';

/** A call in the history; arguments that are no JSON stay text. */
export interface ConversationCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

/** Reasoning that a client left inside of an answer's text, cut where the tags are. */
export interface InlineReasoning {
  /** The tag and the white space before it; the tag may be missing, because the prompt wrote it. */
  readonly begin: string;
  readonly thought: string;
  readonly end: string;
}

/** A message in the parts that templates want apart. */
export type ConversationMessage =
  | { readonly role: 'system' | 'developer' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant';
      /** Without the inline reasoning. */
      readonly content: string;
      readonly reasoning: string | undefined;
      readonly inline: InlineReasoning | undefined;
      readonly calls: readonly ConversationCall[];
    }
  | { readonly role: 'tool'; readonly content: string; readonly callId: string; readonly name: string };

/** Takes messages apart: arguments of calls out of their JSON, reasoning out of answers, names of tools to results. */
export function toConversation(
  messages: readonly ChatMessage[],
  tags: ReasoningTags | undefined,
): ConversationMessage[] {
  const nameOfCall = new Map<string, string>();
  return messages.map((message) => {
    switch (message.role) {
      case 'tool': {
        const { content, toolCallId } = message;
        return { role: 'tool', content, callId: toolCallId, name: nameOfCall.get(toolCallId) ?? 'unknown' };
      }
      case 'assistant': {
        for (const { id, name } of message.toolCalls ?? []) nameOfCall.set(id, name);
        const inline = tags && splitReasoning(message.content, tags);
        return {
          role: 'assistant',
          content: inline ? inline.answer : message.content,
          reasoning: message.reasoning,
          inline: inline?.reasoning,
          calls: (message.toolCalls ?? []).map(toConversationCall),
        };
      }
      default:
        return { role: message.role, content: message.content };
    }
  });
}

function toConversationCall({ id, name, arguments: text }: ToolCall): ConversationCall {
  try {
    return { id, name, arguments: text.trim() === '' ? {} : (JSON.parse(text) as unknown) };
  } catch {
    return { id, name, arguments: text };
  }
}

function splitReasoning(
  content: string,
  { begin, end }: ReasoningTags,
): { reasoning: InlineReasoning; answer: string } | undefined {
  const endsAt = content.indexOf(end);
  if (endsAt < 0) return undefined;
  const space = content.length - content.trimStart().length;
  const tag = begin.trim();
  const beginLength = content.startsWith(tag, space) ? space + tag.length : 0;
  return {
    reasoning: {
      begin: content.slice(0, beginLength),
      thought: content.slice(beginLength, endsAt),
      end,
    },
    answer: content.slice(endsAt + end.length),
  };
}

/** A copy in which every text is another, names of members included, and all else the same. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  return mapUnknown(value, change) as T;
}

function mapUnknown(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapUnknown(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapUnknown(item, change)]),
  );
}

/** A copy of the messages in which all texts that clients wrote are others. */
export function mapConversation(
  messages: readonly ConversationMessage[],
  change: (text: string) => string,
): ConversationMessage[] {
  return messages.map((message) => {
    if (message.role === 'assistant') {
      return {
        role: 'assistant',
        content: change(message.content),
        reasoning: message.reasoning === undefined ? undefined : change(message.reasoning),
        // Its tags are those that the template itself looks for.
        inline: message.inline && { ...message.inline, thought: change(message.inline.thought) },
        calls: message.calls.map(({ id, name, arguments: args }) => ({
          id: change(id),
          name: change(name),
          arguments: mapTexts(args, change),
        })),
      };
    }
    if (message.role === 'tool') {
      const { content, callId, name } = message;
      return { role: 'tool', content: change(content), callId: change(callId), name: change(name) };
    }
    return { role: message.role, content: change(message.content) };
  });
}
