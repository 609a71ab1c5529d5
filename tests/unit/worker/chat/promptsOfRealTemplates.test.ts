import { Template } from '@huggingface/jinja';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ChatMessage, ToolDefinition } from '../../../../src/protocol/generateRequest.js';
import { createChatPrompt, type ChatPromptRequest } from '../../../../src/worker/chat/chatPrompt.js';
import { readChatTemplates } from '../../../support/llamaCppSources.js';
import { createTemplateEngine } from '../../../support/templateEngine.js';

/** What @huggingface/jinja 0.5.11 cannot run: number keys, an undefined `datetime`, an unknown method. */
const refused = ['ByteDance-Seed-OSS', 'fireworks-ai-llama-3-firefunction-v2', 'tencent-Hy3'];
/**
 * These show `<think>` in an answer's text as it is although they have a place of their own for reasoning, which is
 * where it goes here.
 */
const reasoningMoves = [
  'Kimi-K2-Thinking',
  'Spark2.5',
  'deepseek-ai-DeepSeek-V3.2',
  'deepseek-ai-DeepSeek-V4',
  'deepseek-ai-DeepSeek-V4-Flash-0731',
  'poolside-Laguna-S-2.1',
];
/** These show the reasoning before a call, so that the model can go on with it. */
const reasoningIsShown = [
  'Bielik-11B-v3.0-Instruct',
  'Cohere2MoE',
  'GLM-4.6',
  'GLM-4.7-Flash',
  'Kimi-K3',
  'MiniMax-M2',
  'MiniMax-M3',
  'NVIDIA-Nemotron-3-Nano-30B-A3B-BF16',
  'Qwen-Qwen3-0.6B',
  'Qwen3.5-4B',
  'Spark2.5',
  'StepFun3.5-Flash',
  'google-gemma-4-31B-it',
  'google-gemma-4-31B-it-interleaved',
  'inclusionai-ling-3.0-flash',
  'muse-glimmer',
  'openai-gpt-oss-120b',
  'openbmb-MiniCPM5-1B',
  'poolside-Laguna-S-2.1',
  'poolside-Laguna-XS-2.1',
  'poolside-Laguna-XS.2',
];

const all = await readChatTemplates();
const templates = all.filter(({ name }) => !refused.includes(name));
const date = new Date('2026-01-05T10:00:00Z');

function request(messages: readonly ChatMessage[], more: Partial<ChatPromptRequest> = {}): ChatPromptRequest {
  return { messages: [...messages], tools: [], toolChoice: 'auto', templateOptions: {}, ...more };
}

function promptText(source: string, asked: ChatPromptRequest): string {
  const engine = createTemplateEngine(source);
  return engine.textOf(createChatPrompt(engine, () => date).toPrompt(asked).tokens);
}

/** The library alone, as every other program uses it. */
function renderDirectly(source: string, messages: readonly object[], tools?: readonly object[]): string {
  const render = (given: readonly object[] | undefined): string =>
    new Template(source).render({
      messages,
      ...(given ? { tools: given } : {}),
      add_generation_prompt: true,
      bos_token: '<s>',
      eos_token: '</s>',
    });
  try {
    return render(tools);
  } catch (error) {
    // Some templates cannot do without a list of tools.
    if (tools) throw error;
    return render([]);
  }
}

const user = (content: string): ChatMessage => ({ role: 'user', content });
const plain: ChatMessage[] = [
  user('Hi! 1 < 2 and [0] {"a": "<b>"}'),
  { role: 'assistant', content: 'Hello.' },
  user('  How are\n\nyou?\n'),
];

const weather: ToolDefinition = {
  name: 'get_weather',
  description: 'The "weather" of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', description: 'Name of <the> city.' }, days: { type: 'integer' } },
    required: ['city'],
  },
  strict: false,
};

const call = (id: string, city: string) => ({
  id,
  name: 'get_weather',
  arguments: JSON.stringify({ city, days: 2 }),
});
const toolHistory = (reasoning?: string): ChatMessage[] => [
  user('What is the weather?'),
  {
    role: 'assistant',
    content: '',
    toolCalls: [call('call_1', 'Paris la belle')],
    ...(reasoning === undefined ? {} : { reasoning }),
  },
  { role: 'tool', toolCallId: 'call_1', content: 'sunny, 20 degrees' },
];

beforeAll(() => {
  vi.useFakeTimers({ now: date, toFake: ['Date'] });
});
afterAll(() => {
  vi.useRealTimers();
});

describe.each(templates)('a prompt of the template $name', ({ name, source }) => {
  it('is what the template makes of a plain conversation', () => {
    expect(promptText(source, request(plain))).toBe(renderDirectly(source, plain));
  });

  it('has what the system says', () => {
    expect(promptText(source, request([{ role: 'system', content: 'Be brief.' }, ...plain]))).toContain(
      'Be brief.',
    );
    expect(promptText(source, request([{ role: 'developer', content: 'Be brief.' }, ...plain]))).toContain(
      'Be brief.',
    );
  });

  it('has the tools, unless none are to be used', () => {
    const text = promptText(source, request(plain, { tools: [weather] }));
    expect(text).toContain('get_weather');
    expect(text).toContain('Name of <the> city.');
    expect(promptText(source, request(plain, { tools: [weather], toolChoice: 'none' }))).not.toContain(
      'get_weather',
    );
  });

  it('has calls and their results', () => {
    const text = promptText(source, request(toolHistory(), { tools: [weather] }));
    for (const part of ['get_weather', 'Paris la belle', 'sunny, 20 degrees']) expect(text).toContain(part);
  });

  it('has several calls of one answer', () => {
    const messages: ChatMessage[] = [
      user('Rome or Oslo?'),
      { role: 'assistant', content: '', toolCalls: [call('a', 'Rome'), call('b', 'Oslo')] },
      { role: 'tool', toolCallId: 'a', content: 'RAIN' },
      { role: 'tool', toolCallId: 'b', content: 'SNOW' },
    ];
    const text = promptText(source, request(messages, { tools: [weather] }));
    for (const part of ['Rome', 'Oslo', 'RAIN', 'SNOW']) expect(text).toContain(part);
  });

  it('treats reasoning within an earlier answer as the template does', () => {
    const messages: ChatMessage[] = [
      user('Hi'),
      { role: 'assistant', content: '<think>\nHmm.\n</think>\n\nHello.' },
      user('Bye'),
    ];
    const text = promptText(source, request(messages));
    expect(text).toContain('Hello.');
    const direct = renderDirectly(source, messages);
    if (reasoningMoves.includes(name)) expect(text).not.toBe(direct);
    else expect(text).toBe(direct);
  });

  it('shows the reasoning before a call where the template does', () => {
    const text = promptText(source, request(toolHistory('THOUGHT'), { tools: [weather] }));
    expect(text).toContain('Paris la belle');
    expect(text.includes('THOUGHT')).toBe(reasoningIsShown.includes(name));
  });

  it('is what the template makes of tools, where it has a syntax that is known', () => {
    const engine = createTemplateEngine(source);
    const prompt = createChatPrompt(engine, () => date);
    if (prompt.format.tools === 'prompt') return;
    const text = engine.textOf(
      prompt.toPrompt(request([user('Hi')], { tools: [{ ...weather, parameters: weather.parameters }] }))
        .tokens,
    );
    const shown = { name: weather.name, description: weather.description, parameters: weather.parameters };
    let direct: string;
    try {
      direct = renderDirectly(source, [user('Hi')], [{ type: 'function', function: shown }]);
    } catch {
      // Hermes' own templates need a description of every parameter, which they are given here.
      expect(name).toMatch(/Hermes/);
      return;
    }
    expect(text).toBe(direct);
  });
});

describe('a template that cannot be run', () => {
  it.each(all.filter(({ name }) => refused.includes(name)))('gives way to ChatML: $name', ({ source }) => {
    expect(createChatPrompt(createTemplateEngine(source)).warning).toContain('using ChatML');
    expect(promptText(source, request(plain))).toContain('<|im_start|>user');
  });

  it('gives way to ChatML where it cannot be parsed', () => {
    const source = '{% if %}';
    expect(createChatPrompt(createTemplateEngine(source)).warning).toContain('using ChatML');
    expect(promptText(source, request(plain))).toContain('<|im_start|>user');
  });
});
