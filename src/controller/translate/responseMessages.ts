import { ApiError } from '../../protocol/apiError.js';
import type { ChatMessage, ToolCall } from '../../protocol/generateRequest.js';
import type { Item } from '../../protocol/openai/responses/items.js';

/** What the model said in one go: in the Responses API several items, for a chat template one message. */
interface Turn {
  readonly texts: string[];
  readonly thoughts: string[];
  readonly calls: ToolCall[];
}

/**
 * Items as the messages of a chat. Reasoning, text and calls that follow each other are one message of the assistant.
 *
 * @throws ApiError (400) for the output of a call that is not there.
 */
export function toResponseMessages(items: readonly Item[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  const callIds = new Set<string>();
  let turn: Turn | undefined;

  const endTurn = (): void => {
    if (turn) messages.push(toAssistantMessage(turn));
    turn = undefined;
  };
  /** Outputs have to follow their calls: a turn with calls goes on until then, whatever the model says in between. */
  const turnFor = (kind: 'texts' | 'thoughts' | 'calls'): Turn => {
    const hasCalls = turn !== undefined && turn.calls.length > 0;
    const isNext = kind !== 'calls' && turn !== undefined && turn.texts.length > 0;
    if (isNext && !hasCalls) endTurn();
    return (turn ??= { texts: [], thoughts: [], calls: [] });
  };

  for (const item of items) {
    switch (item.type) {
      case 'reasoning':
        turnFor('thoughts').thoughts.push(joinTexts(item.content));
        break;
      case 'function_call':
        callIds.add(item.call_id);
        turnFor('calls').calls.push({ id: item.call_id, name: item.name, arguments: item.arguments });
        break;
      case 'function_call_output':
        if (!callIds.has(item.call_id)) throw strayOutput(item.call_id);
        endTurn();
        messages.push({ role: 'tool', content: joinTexts(item.output), toolCallId: item.call_id });
        break;
      case 'message':
        if (item.role === 'assistant') {
          turnFor('texts').texts.push(joinTexts(item.content));
          break;
        }
        endTurn();
        messages.push({ role: item.role, content: joinTexts(item.content) });
        break;
    }
  }
  endTurn();
  return messages;
}

function toAssistantMessage({ texts, thoughts, calls }: Turn): ChatMessage {
  const reasoning = thoughts.join('\n');
  return {
    role: 'assistant',
    content: texts.join(''),
    ...(reasoning === '' ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
  };
}

function joinTexts(content: string | readonly { readonly text: string }[]): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('');
}

function strayOutput(callId: string): ApiError {
  const message = `No tool call found for function call output with call_id ${callId}.`;
  return new ApiError('tool_call_not_found', { message, param: 'input' });
}
