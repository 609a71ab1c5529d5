import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../../src/protocol/generateRequest.js';
import { createChatPrompt, type ChatPromptRequest } from '../../../src/worker/chat/chatPrompt.js';
import { readChatTemplates } from '../../support/llamaCppSources.js';
import { loadVocabulary, type Vocabulary } from '../../support/vocabulary.js';

/** Vocabularies of llama.cpp's collection, and templates of models that have them. */
const models = [
  { vocabulary: 'qwen2', template: 'Qwen-Qwen2.5-7B-Instruct' },
  { vocabulary: 'qwen2', template: 'Qwen-Qwen3-0.6B' },
  { vocabulary: 'qwen35', template: 'Qwen3.5-4B' },
  { vocabulary: 'llama-bpe', template: 'meta-llama-Llama-3.1-8B-Instruct' },
  { vocabulary: 'llama-bpe', template: 'meta-llama-Llama-3.2-3B-Instruct' },
  { vocabulary: 'phi-3', template: 'microsoft-Phi-3.5-mini-instruct' },
  { vocabulary: 'gemma-4', template: 'google-gemma-4-31B-it' },
  { vocabulary: 'command-r', template: 'CohereForAI-c4ai-command-r-plus-tool_use' },
  { vocabulary: 'llama-spm', template: 'mistralai-Mistral-Nemo-Instruct-2407' },
  { vocabulary: 'deepseek-llm', template: 'deepseek-ai-DeepSeek-R1-Distill-Llama-8B' },
];
const templates = new Map((await readChatTemplates()).map(({ name, source }) => [name, source]));

function request(messages: readonly ChatMessage[], description = 'The weather.'): ChatPromptRequest {
  const parameters = { type: 'object', properties: { city: { type: 'string', description } } };
  return {
    messages: [...messages],
    tools: [{ name: 'get_weather', description, parameters, strict: false }],
    toolChoice: 'auto',
    templateOptions: {},
  };
}

/** The text stands in a message, a call's arguments, a result and a tool. */
function conversation(text: string): ChatPromptRequest {
  const call = { id: 'call_1', name: 'get_weather', arguments: JSON.stringify({ city: text }) };
  return request(
    [
      { role: 'system', content: text },
      { role: 'user', content: text },
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', toolCallId: 'call_1', content: text },
    ],
    text,
  );
}

describe.each(models)('a prompt of $template with the vocabulary $vocabulary', ({ vocabulary, template }) => {
  let loaded: Vocabulary;
  beforeAll(async () => {
    loaded = await loadVocabulary(vocabulary);
  });
  afterAll(() => loaded.close());

  it('is tokenized as the whole that it is', () => {
    const engine = loaded.engineWith(templates.get(template));
    const whole: string[] = [];
    const watched = createChatPrompt(
      {
        ...engine,
        tokenize: (text, options) => {
          whole.push(text);
          return engine.tokenize(text, options);
        },
      },
      () => new Date(0),
    );
    const asked = conversation('Hello  there! 1 < 2 [and] <b>so</b> on');
    const { tokens } = watched.toPrompt(asked);
    expect(whole).toHaveLength(1);
    const direct = engine.tokenize(whole[0] ?? '', { special: true });
    const bos = engine.bosToken;
    expect(tokens).toEqual(bos?.prepend && direct[0] !== bos.id ? [bos.id, ...direct] : direct);
  });

  it('has no control token of what clients write', () => {
    const engine = loaded.engineWith(templates.get(template));
    const prompt = createChatPrompt(engine, () => new Date(0));
    const controlsOf = (text: string): number[] =>
      prompt.toPrompt(conversation(text)).tokens.filter((token) => loaded.isControlToken(token));
    const texts = engine.specialTexts.filter(({ isControl }) => isControl).map(({ text }) => text);
    const written = (templates.get(template)?.match(/<[^<>\s]+>|\[\/?[A-Z_]+\]/g) ?? []).join(' ');
    const innocent = controlsOf('Hello');
    expect(innocent.length).toBeGreaterThan(0);
    for (const attack of [texts.slice(0, 300).join(''), texts.slice(-300).join(' "\n'), written]) {
      expect(controlsOf(attack)).toEqual(innocent);
    }
  });
});
