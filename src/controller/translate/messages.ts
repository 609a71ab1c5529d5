import { ApiError } from '../../protocol/apiError.js';
import type { ChatMessage } from '../../protocol/generateRequest.js';
import type { RequestMessage } from '../../protocol/openai/chatCompletions.js';

/**
 * The messages of a chat completion in the words of the worker's protocol.
 *
 * @throws ApiError (400) for roles and content that no model here takes, and for what a role needs and has not.
 */
export function toChatMessages(messages: readonly RequestMessage[]): ChatMessage[] {
  return messages.map(toChatMessage);
}

function toChatMessage(message: RequestMessage, index: number): ChatMessage {
  const at = `messages[${index}]`;
  switch (message.role) {
    case 'function':
      throw unsupported(`${at}.role`, "messages of the role 'function' are not supported; use 'tool'");
    case 'tool':
      if (message.tool_call_id == null) throw missing(`${at}.tool_call_id`);
      return {
        role: 'tool',
        content: toText(message.content, `${at}.content`),
        toolCallId: message.tool_call_id,
      };
    case 'assistant': {
      if (message['function_call'] != null)
        throw unsupported(`${at}.function_call`, "it is not supported; use 'tool_calls'");
      if (message['audio'] != null) throw unsupported(`${at}.audio`, 'there is no audio here; send its text');
      const toolCalls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) => ({
        id,
        name,
        arguments: args,
      }));
      const isEmpty = message.content == null || message.content.length === 0;
      // Refusals are text that the model wrote.
      const refusal = typeof message['refusal'] === 'string' ? message['refusal'] : '';
      const content =
        isEmpty && (toolCalls.length > 0 || refusal !== '')
          ? refusal
          : toText(message.content, `${at}.content`);
      return {
        role: 'assistant',
        content,
        ...(message.reasoning_content ? { reasoning: message.reasoning_content } : {}),
        ...(toolCalls.length > 0 ? { toolCalls } : {}),
      };
    }
    case 'system':
    case 'developer':
    case 'user':
      return { role: message.role, content: toText(message.content, `${at}.content`) };
  }
}

/** Several texts become one, as the official documentation joins them: with nothing in between. */
function toText(content: RequestMessage['content'], at: string): string {
  if (typeof content === 'string') return content;
  if (content == null) throw missing(at);
  return content
    .map((part, index) => {
      if (part.type === 'refusal' && typeof part['refusal'] === 'string') return part['refusal'];
      if (part.type !== 'text')
        throw unsupported(
          `${at}[${index}].type`,
          `content of the type '${part.type}' is not supported; send 'text'`,
        );
      if (part.text === undefined) throw missing(`${at}[${index}].text`);
      return part.text;
    })
    .join('');
}

function missing(param: string): ApiError {
  return new ApiError('missing_required_parameter', {
    message: `Missing required parameter: '${param}'.`,
    param,
  });
}

function unsupported(param: string, what: string): ApiError {
  return new ApiError('unsupported_value', { message: `Unsupported value: '${param}': ${what}.`, param });
}
