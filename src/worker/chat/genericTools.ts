import type { ConversationMessage } from './conversation.js';
import type { TemplateTool } from './templateTool.js';

const begin = '<tool_call>';
const end = '</tool_call>';

/** Says in words what Hermes' and Qwen's templates say: what the tools are and how to call them. */
export function describeTools(tools: readonly TemplateTool[]): string {
  return [
    '# Tools\n',
    'You may call one or more functions to assist with the user query.\n',
    'You are provided with function signatures within <tools></tools> XML tags:',
    '<tools>',
    ...tools.map((tool) => JSON.stringify(tool)),
    '</tools>\n',
    `For each function call, return a json object with function name and arguments within ${begin}${end} XML tags:`,
    begin,
    '{"name": <function-name>, "arguments": <args-json-object>}',
    end,
  ].join('\n');
}

/**
 * Puts tools and calls into messages that every template understands: the tools into the system message, calls into the
 * answer's text, results into a user's message (one for all results, and for the user's own message behind them).
 */
export function writeToolsAsText(
  messages: readonly ConversationMessage[],
  tools: readonly TemplateTool[],
): ConversationMessage[] {
  const written: ConversationMessage[] = [];
  let previousIsResult = false;
  for (const message of messages) {
    const last = written.at(-1);
    if (message.role === 'tool') {
      const text = `<tool_response>\n${message.content}\n</tool_response>`;
      if (previousIsResult && last) replaceLast(written, 'user', `${last.content}\n${text}`);
      else written.push({ role: 'user', content: text });
      previousIsResult = true;
      continue;
    }
    if (message.role === 'user' && previousIsResult && last) {
      replaceLast(written, 'user', `${last.content}\n\n${message.content}`);
    } else if (message.role === 'assistant' && message.calls.length > 0) {
      written.push({ ...message, content: withCalls(message.content, message.calls), calls: [] });
    } else {
      written.push(message);
    }
    previousIsResult = false;
  }
  return tools.length === 0 ? written : withSystemText(written, describeTools(tools));
}

function replaceLast(messages: ConversationMessage[], role: 'user', content: string): void {
  messages[messages.length - 1] = { role, content };
}

function withCalls(content: string, calls: readonly { name: string; arguments: unknown }[]): string {
  const texts = calls.map(
    ({ name, arguments: args }) =>
      `${begin}\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(args)}}\n${end}`,
  );
  return [...(content.trim() === '' ? [] : [content]), ...texts].join('\n');
}

/** Behind the system message that comes first, or in one of its own. */
function withSystemText(messages: readonly ConversationMessage[], text: string): ConversationMessage[] {
  const [first, ...others] = messages;
  if (first?.role === 'system' || first?.role === 'developer') {
    return [{ role: first.role, content: `${first.content}\n\n${text}` }, ...others];
  }
  return [{ role: 'system', content: text }, ...messages];
}
