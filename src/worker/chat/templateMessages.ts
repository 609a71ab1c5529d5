import { createHash } from 'node:crypto';
import type { ConversationMessage } from './conversation.js';
import type { ReasoningTags } from '../outputParser/outputFormat.js';
import type { TemplateCapabilities } from './templateCapabilities.js';

type TemplateMessage = Record<string, unknown>;
type AssistantMessage = Extract<ConversationMessage, { role: 'assistant' }>;

/** Writes messages in the shape that a template understands. */
export function toTemplateMessages(
  messages: readonly ConversationMessage[],
  capabilities: TemplateCapabilities,
  tags: ReasoningTags | undefined,
): TemplateMessage[] {
  const known = withKnownRoles(messages, capabilities);
  const single = capabilities.parallelCalls ? known : known.flatMap(toSingleCalls);
  const turns = capabilities.needsAlternation ? withAlternation(single) : single;
  return turns.map((message) => {
    const { content, ...rest } = toTemplateMessage(message, capabilities, tags);
    return { ...rest, content: capabilities.needsContentParts ? [{ type: 'text', text: content }] : content };
  });
}

/** Developers are the system where a template does not know them, and the system speaks as the user where it must. */
function withKnownRoles(
  messages: readonly ConversationMessage[],
  { systemRole, developerRole }: TemplateCapabilities,
): ConversationMessage[] {
  const known: ConversationMessage[] = [];
  for (const message of messages) {
    const last = known.at(-1);
    if (message.role === 'developer' && !developerRole) {
      if (last?.role === 'system') known.pop();
      const before = last?.role === 'system' ? `${last.content}\n\n` : '';
      known.push({ role: 'system', content: before + message.content });
    } else {
      known.push(message);
    }
  }
  return systemRole ? known : withoutSystem(known);
}

function withoutSystem(messages: readonly ConversationMessage[]): ConversationMessage[] {
  const isSystem = ({ role }: ConversationMessage): boolean => role === 'system';
  const text = messages
    .filter(isSystem)
    .map(({ content }) => content)
    .join('\n\n');
  const others = messages.filter((message) => !isSystem(message));
  if (text === '') return others;
  const first = others.findIndex(({ role }) => role === 'user');
  const user = others[first];
  if (!user) return [{ role: 'user', content: text }, ...others];
  return others.with(first, { role: 'user', content: `${text}\n\n${user.content}` });
}

/**
 * What the user says twice in a row is one turn, and what is said directly behind the result of a tool stands below it:
 * an answer of no words in between, the other way, is refused by some of these templates as well.
 */
function withAlternation(messages: readonly ConversationMessage[]): ConversationMessage[] {
  const turns: ConversationMessage[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (message.role === 'user' && (last?.role === 'user' || last?.role === 'tool')) {
      turns.splice(-1, 1, { ...last, content: `${last.content}\n\n${message.content}` });
    } else {
      turns.push(message);
    }
  }
  return turns;
}

/** One message for each call, for templates that take no more than one. */
function toSingleCalls(
  message: ConversationMessage,
  index: number,
  messages: readonly ConversationMessage[],
): ConversationMessage[] {
  if (message.role === 'tool') {
    const asked = messages.slice(0, index).findLast(({ role }) => role === 'assistant');
    const moved = asked?.role === 'assistant' && asked.calls.length > 1;
    return moved && asked.calls.some(({ id }) => id === message.callId) ? [] : [message];
  }
  if (message.role !== 'assistant' || message.calls.length < 2) return [message];
  const following = messages.slice(index + 1);
  return message.calls.flatMap((call, position) => {
    const result = following.find((other) => other.role === 'tool' && other.callId === call.id);
    const first =
      position === 0 ? message : { ...message, content: '', reasoning: undefined, inline: undefined };
    return [{ ...first, calls: [call] }, ...(result ? [result] : [])];
  });
}

function toTemplateMessage(
  message: ConversationMessage,
  capabilities: TemplateCapabilities,
  tags: ReasoningTags | undefined,
): TemplateMessage & { content: string } {
  const toId = (id: string): string => (capabilities.needsShortIds ? shortId(id) : id);
  switch (message.role) {
    case 'tool': {
      const { role, content, callId, name } = message;
      return { role, content, tool_call_id: toId(callId), name };
    }
    case 'assistant': {
      const calls = message.calls.map(({ id, name, arguments: args }) => ({
        id: toId(id),
        type: 'function',
        function: {
          name,
          arguments:
            capabilities.argumentsAs === 'string' && typeof args !== 'string' ? JSON.stringify(args) : args,
        },
      }));
      return {
        role: 'assistant',
        ...withReasoning(message, capabilities, tags),
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      };
    }
    default:
      return { role: message.role, content: message.content };
  }
}

/**
 * Reasoning goes where the template looks for it; where it looks nowhere it stays in the text that it came in, or is left
 * out where it came by itself.
 */
function withReasoning(
  { content, reasoning, inline, calls }: AssistantMessage,
  { reasoningKey, splitsContent, callsWithContent }: TemplateCapabilities,
  tags: ReasoningTags | undefined,
): { content: string } {
  if (calls.length > 0 && !callsWithContent && !reasoningKey) return { content: '' };
  if (reasoning === undefined && inline && (splitsContent || !reasoningKey)) {
    return { content: inline.begin + inline.thought + inline.end + content };
  }
  const answer = inline ? content.replace(/^\n+/, '') : content;
  const thought = reasoning ?? inline?.thought.trim();
  if (thought === undefined || thought === '') return { content: answer };
  if (reasoningKey === 'thinking' && calls.length > 0)
    return { content: '', [reasoningKey]: thought } as { content: string };
  if (reasoningKey) return { content: answer, [reasoningKey]: thought };
  if (!splitsContent || !tags) return { content: answer };
  return { content: `${tags.begin.trim()}\n${thought}\n${tags.end}\n\n${answer}` };
}

/** Mistral's templates take only ids of nine letters and digits. */
function shortId(id: string): string {
  if (/^[A-Za-z0-9]{9}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}
