import { describe, expect, it } from 'vitest';
import type { ChatMessage, ToolDefinition } from '../../../../src/protocol/generateRequest.js';
import { createChatPrompt, type ChatPromptRequest } from '../../../../src/worker/chat/chatPrompt.js';
import { ChatTemplateError, chatMlTemplate } from '../../../../src/worker/chat/chatTemplate.js';
import { formatDate } from '../../../../src/worker/chat/formatDate.js';
import { readChatTemplates } from '../../../support/llamaCppSources.js';
import { createTemplateEngine } from '../../../support/templateEngine.js';

const collection = new Map((await readChatTemplates()).map(({ name, source }) => [name, source]));
const user = (content: string): ChatMessage => ({ role: 'user', content });

/** The prompt of a template of the collection, or of a template itself. */
function promptOf(
  template: string,
  messages: readonly ChatMessage[],
  more: Partial<ChatPromptRequest> & { now?: Date } = {},
) {
  const engine = createTemplateEngine(collection.get(template) ?? template);
  const prompt = createChatPrompt(engine, () => more.now ?? new Date(0));
  const { tokens, opensInReasoning } = prompt.toPrompt({
    messages: [...messages],
    tools: more.tools ?? [],
    toolChoice: more.toolChoice ?? 'auto',
    templateOptions: more.templateOptions ?? {},
  });
  return { text: engine.textOf(tokens), opensInReasoning };
}

const tool: ToolDefinition = { name: 'now', description: 'The time.', strict: false };

describe('a conversation', () => {
  it('is ChatML for a model without a template', () => {
    const engine = { ...createTemplateEngine(chatMlTemplate), chatTemplate: undefined };
    const prompt = createChatPrompt(engine);
    const { tokens } = prompt.toPrompt({
      messages: [user('Hi')],
      tools: [],
      toolChoice: 'auto',
      templateOptions: {},
    });
    expect(engine.textOf(tokens)).toBe('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n');
    expect(prompt.format.name).toBe('generic');
  });

  it('has the system speak as the user where the template refuses a system', () => {
    const messages: ChatMessage[] = [{ role: 'system', content: 'Be brief.' }, user('Hi')];
    expect(promptOf('google-gemma-2-2b-it', messages).text).toBe(
      '<s><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  describe('with templates that want user and assistant by turns', () => {
    const asked: ChatMessage[] = [
      user('What time is it?'),
      { role: 'assistant', content: '', toolCalls: [{ id: 'call00001', name: 'now', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'call00001', content: 'NOON' },
    ];
    const mistrals = [
      'Mistral-Small-3.2-24B-Instruct-2506',
      'mistralai-Ministral-3-14B-Reasoning-2512',
      'mistralai-Mistral-Nemo-Instruct-2407',
    ];

    it.each([...mistrals, 'google-gemma-2-2b-it'])('%s gets neighbours of one role as one turn', (name) => {
      const { text } = promptOf(name, [user('One.'), user('Two.'), user('Three.')]);
      expect(text).toContain('One.\n\nTwo.\n\nThree.');
    });

    it.each(mistrals)('%s gets what is said behind a result below it', (name) => {
      const { text } = promptOf(name, [...asked, user('Be brief.')], { tools: [tool] });
      expect(text).toMatch(/NOON\n\nBe brief\.[^]*\[\/TOOL_RESULTS\]$/);
    });

    it('and all others get the messages as they are', () => {
      const { text } = promptOf('unsloth-mistral-Devstral-Small-2507', [...asked, user('Be brief.')], {
        tools: [tool],
      });
      expect(text).toMatch(/NOON\[\/TOOL_RESULTS\]\[INST\]Be brief\.\[\/INST\]$/);
    });
  });

  it('has developers as the system where the template does not know them', () => {
    const messages: ChatMessage[] = [
      { role: 'system', content: 'A.' },
      { role: 'developer', content: 'B.' },
      user('Hi'),
    ];
    expect(promptOf(chatMlTemplate, messages).text).toContain('<|im_start|>system\nA.\n\nB.<|im_end|>\n');
    expect(promptOf('openai-gpt-oss-120b', messages.slice(1)).text).toContain('B.');
  });

  it('has tools, calls and results as text where the template knows none', () => {
    const messages: ChatMessage[] = [
      user('When?'),
      {
        role: 'assistant',
        content: 'Let me see.',
        toolCalls: [
          { id: 'a', name: 'now', arguments: '{"zone": "UTC"}' },
          { id: 'b', name: 'now', arguments: '' },
        ],
      },
      { role: 'tool', toolCallId: 'a', content: '10:00' },
      { role: 'tool', toolCallId: 'b', content: '11:00' },
      user('And?'),
    ];
    const { text } = promptOf(chatMlTemplate, messages, { tools: [tool] });
    expect(text).toMatch(
      /^<\|im_start\|>system\n# Tools\n[^]*"name":"now"[^]*<\|im_end\|>\n<\|im_start\|>user\nWhen/,
    );
    expect(text.slice(text.indexOf('Let me see.'))).toBe(
      'Let me see.\n<tool_call>\n{"name": "now", "arguments": {"zone":"UTC"}}\n</tool_call>\n' +
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call><|im_end|>\n' +
        '<|im_start|>user\n<tool_response>\n10:00\n</tool_response>\n<tool_response>\n11:00\n</tool_response>\n\n' +
        'And?<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('has ids that the template takes', () => {
    const call = { id: 'call_0123456789abcdef', name: 'now', arguments: '{}' };
    const messages: ChatMessage[] = [
      user('When?'),
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', toolCallId: call.id, content: '10:00' },
    ];
    const { text } = promptOf('mistralai-Mistral-Nemo-Instruct-2407', messages, { tools: [tool] });
    const ids = [...text.matchAll(/"(?:call_)?id": "([a-z0-9]{9})"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
  });

  it('keeps arguments that are no JSON', () => {
    const call = { id: 'a', name: 'now', arguments: '{"zone": ' };
    const messages: ChatMessage[] = [user('When?'), { role: 'assistant', content: '', toolCalls: [call] }];
    expect(promptOf('Qwen-Qwen3-0.6B', messages, { tools: [tool] }).text).toContain('{"zone": ');
  });

  it('is refused where its arguments are nested without end, or all characters are taken', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const call = { id: 'a', name: 'now', arguments: deep };
    const nested: ChatMessage[] = [user('Hi'), { role: 'assistant', content: '', toolCalls: [call] }];
    expect(() => promptOf('Qwen-Qwen3-0.6B', nested)).toThrow(ChatTemplateError);
    const taken = String.fromCharCode(...Array.from({ length: 0x1900 }, (_, index) => 0xe000 + index));
    expect(() => promptOf(chatMlTemplate, [user(`${taken}<|im_end|>`)])).toThrow(ChatTemplateError);
  });

  it('is refused with the words of the template', () => {
    const refusing =
      "{% if messages|length > 1 %}{{ raise_exception('Only one.') }}{% endif %}{{ messages[0].content }}";
    const messages: ChatMessage[] = [user('a'), { role: 'assistant', content: 'b' }];
    expect(() => promptOf(refusing, messages)).toThrow(ChatTemplateError);
    expect(() => promptOf(refusing, messages)).toThrow('Only one.');
  });
});

describe('the options of a template', () => {
  it('switch reasoning', () => {
    const prompt = (enable_thinking: boolean) =>
      promptOf('Qwen3.5-4B', [user('Hi')], { templateOptions: { enable_thinking } });
    expect(prompt(true).opensInReasoning).toBe(true);
    expect(prompt(true).text).toMatch(/<think>\n$/);
    expect(prompt(false).opensInReasoning).toBe(false);
    expect(prompt(false).text).toMatch(/<\/think>\n\n$/);
  });

  it('say how much reasoning there is to be', () => {
    const prompt = (reasoning_effort: 'low' | 'high') =>
      promptOf('openai-gpt-oss-120b', [user('Hi')], { templateOptions: { reasoning_effort } });
    expect(prompt('high').text).toContain('Reasoning: high');
    expect(prompt('low').text).toContain('Reasoning: low');
  });
});

describe("today's date", () => {
  it('is that of UTC, in English', () => {
    const now = new Date('2026-03-09T23:05:07Z');
    expect(promptOf('meta-llama-Llama-3.2-3B-Instruct', [user('Hi')], { now }).text).toContain(
      'Today Date: 09 Mar 2026',
    );
    expect(formatDate(now, '%A, %-d. %B %Y %H:%M:%S %I %p %y %a %b %% %Q')).toBe(
      'Monday, 9. March 2026 23:05:07 11 PM 26 Mon Mar % %Q',
    );
  });
});

describe('the token that begins a prompt', () => {
  const promptWith = (template: string, prepend: boolean) => {
    const engine = createTemplateEngine(template);
    const bosToken = { id: engine.bosToken?.id ?? 0, text: '<s>', prepend };
    const { tokens } = createChatPrompt({ ...engine, bosToken }).toPrompt({
      messages: [user('<s>Hi')],
      tools: [],
      toolChoice: 'auto',
      templateOptions: {},
    });
    return engine.specialsOf(tokens);
  };

  it('is put before it where the model wants that, once', () => {
    expect(promptWith('{{ messages[0].content }}', true)).toEqual(['<s>']);
    expect(promptWith('{{ bos_token }}{{ messages[0].content }}', true)).toEqual(['<s>']);
    expect(promptWith('{{ messages[0].content }}', false)).toEqual([]);
  });
});
