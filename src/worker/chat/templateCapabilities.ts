import type { ChatTemplate, TemplateInput } from './chatTemplate.js';

/** What a template understands, found by rendering small conversations: the same way as llama.cpp's `caps.cpp`. */
export interface TemplateCapabilities {
  /** Contents have to be lists of parts. */
  readonly needsContentParts: boolean;
  readonly systemRole: boolean;
  readonly developerRole: boolean;
  /** It refuses two turns of the user in a row. */
  readonly needsAlternation: boolean;
  /** It presents tools to the model, writes calls and their results. */
  readonly tools: boolean;
  readonly toolCalls: boolean;
  /** It presents only tools whose parameters all have descriptions. */
  readonly needsDescriptions: boolean;
  /** Calls may come with an answer's text; otherwise it shows one of the two. */
  readonly callsWithContent: boolean;
  /** How the arguments of a call are given to it. */
  readonly argumentsAs: 'object' | 'string';
  /** It cannot do without a list of tools, be it empty; others take an empty list for tools. */
  readonly needsToolList: boolean;
  /** A message may hold several calls. */
  readonly parallelCalls: boolean;
  /** It takes only ids of nine letters and digits (Mistral). */
  readonly needsShortIds: boolean;
  /** The member of a message in which it looks for reasoning. */
  readonly reasoningKey: 'reasoning_content' | 'reasoning' | 'thinking' | undefined;
  /** It takes `</think>` out of an answer by itself. */
  readonly splitsContent: boolean;
}

const needle = 'NEEDLE';
const shortId = 'call00001';

/** Tries out what the template can do. */
export function probeTemplate(template: ChatTemplate): TemplateCapabilities {
  let needsToolList = false;
  const shows = (input: TemplateInput, ...texts: string[]): boolean => {
    try {
      const rendered = template.render(needsToolList && !input.tools ? { ...input, tools: [] } : input);
      return texts.every((text) => rendered.includes(text));
    } catch {
      return false;
    }
  };
  const user = (content: unknown) => ({ role: 'user', content });
  const plain = { messages: [user(needle)] };
  const parts = { messages: [user([{ type: 'text', text: needle }])] };
  needsToolList = !shows(plain, needle) && !shows(parts, needle) && shows({ ...plain, tools: [] }, needle);
  const needsContentParts = !shows(plain, needle) && shows(parts, needle);
  const content = (text: string): unknown => (needsContentParts ? [{ type: 'text', text }] : text);
  const role = (name: string): boolean =>
    shows({ messages: [{ role: name, content: content(needle) }, user(content('Hi'))] }, needle);

  const first = user(content('Hi'));
  const needsAlternation =
    shows({ messages: [user(content(needle))] }, needle) &&
    !shows({ messages: [first, user(content(needle))] }, needle);

  const history = (calls: readonly string[], id: string, args: unknown, text: string): TemplateInput => ({
    messages: [
      user(content('Hi')),
      {
        role: 'assistant',
        content: content(text),
        tool_calls: calls.map((name) => toolCall(name, id, args)),
      },
      ...calls.map((name, index) => ({
        role: 'tool',
        content: content(`RESULT-${index}`),
        tool_call_id: id,
        name: `x${index}`,
      })),
    ],
  });
  const showsCalls = (calls: readonly string[], id: string, args: unknown, text = ''): boolean =>
    shows(
      history(calls, id, args, text),
      text,
      ...calls,
      ...calls.map((_, index) => `RESULT-${index}`),
      needle,
    );
  const object = { argument: needle };
  const text = JSON.stringify(object);
  const argumentsAs = showsCalls(['tool_a'], shortId, object) ? 'object' : 'string';
  const args = argumentsAs === 'object' ? object : text;
  const toolCalls = showsCalls(['tool_a'], shortId, args);
  const showsTool = (properties: object): boolean =>
    shows({ messages: [user(content('Hi'))], tools: [toolWith(properties)] }, 'tool_a', needle);
  const bare = showsTool({ argument: { type: 'string' } });
  const described = bare || showsTool({ argument: { type: 'string', description: 'An argument.' } });

  return {
    needsContentParts,
    needsToolList,
    needsAlternation,
    systemRole: role('system'),
    developerRole: /['"]developer['"]/.test(template.source) && role('developer'),
    tools: described,
    toolCalls,
    needsDescriptions: described && !bare,
    callsWithContent: toolCalls && showsCalls(['tool_a'], shortId, args, 'CONTENT'),
    argumentsAs,
    parallelCalls: toolCalls && showsCalls(['tool_a', 'tool_b'], shortId, args),
    needsShortIds: toolCalls && !showsCalls(['tool_a'], 'call_of_any_length', args),
    reasoningKey: findReasoningKey(template.source),
    splitsContent: /split\(\s*['"]<\/think>['"]/.test(template.source),
  };
}

function toolWith(properties: object) {
  return {
    type: 'function',
    function: {
      name: 'tool_a',
      description: needle,
      parameters: { type: 'object', properties, required: ['argument'] },
    },
  };
}

function toolCall(name: string, id: string, args: unknown) {
  return { id, type: 'function', function: { name, arguments: args } };
}

function findReasoningKey(source: string): TemplateCapabilities['reasoningKey'] {
  if (source.includes('reasoning_content')) return 'reasoning_content';
  if (/\b(?:message|msg|m)(?:\.|\[['"]|\.get\(['"])reasoning\b/.test(source)) return 'reasoning';
  if (/\b(?:message|msg|m)(?:\.|\[['"]|\.get\(['"])thinking\b|"thinking" in message/.test(source))
    return 'thinking';
  return undefined;
}
