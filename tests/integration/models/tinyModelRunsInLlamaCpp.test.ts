import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getLlama, LlamaGrammarEvaluationState, LlamaLogLevel } from 'node-llama-cpp';
import type { Llama, LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyContextTokens, writeTinyModel, type TinyModelOptions } from '../../../src/models/tinyModel.js';

let folder: string;
let llama: Llama;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-tiny-'));
  llama = await getLlama({
    gpu: false,
    maxThreads: 1,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
});

afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

interface Writer {
  model: LlamaModel;
  /** Up to `maxTokens` greedy tokens, without the one that ends the answer; `ended` says whether that came. */
  write: (
    prompt: string,
    options?: { maxTokens?: number; resume?: Token[]; grammar?: LlamaGrammar },
  ) => Promise<{ tokens: Token[]; text: string; ended: boolean }>;
}

async function load(name: string, options: TinyModelOptions = {}): Promise<Writer> {
  const modelPath = join(folder, `${name}.gguf`);
  await writeTinyModel(modelPath, options);
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 2_048, threads: 1 });
  const sequence = context.getSequence();
  return {
    model,
    write: async (prompt, { maxTokens = 150, resume = [], grammar } = {}) => {
      await sequence.clearHistory();
      const chat = `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`;
      const tokens = [...resume];
      // The generator ends by itself at the token that ends the answer, which it does not give out.
      const evaluated = sequence.evaluate([...model.tokenize(chat, true), ...resume], {
        temperature: 0,
        grammarEvaluationState: grammar && new LlamaGrammarEvaluationState({ model, grammar }),
      });
      let ended = false;
      while (!ended && tokens.length < maxTokens) {
        const next = await evaluated.next();
        if (next.done) ended = true;
        else tokens.push(next.value);
      }
      await evaluated.return();
      return { tokens, text: model.detokenize(tokens), ended };
    },
  };
}

const prompts = [
  'Hello!',
  'What is the capital of France?',
  'What is the capital of Spain?',
  'Write a function that sorts a list.',
  'Why is the sky blue, and since when?',
  'One small robot carries a green bridge.',
];

describe('the tiny model', () => {
  let tiny: Writer;
  beforeAll(async () => {
    tiny = await load('tiny');
  });

  it('has the context, the template and the tokens of a ChatML model', () => {
    expect(tiny.model.trainContextSize).toBe(tinyContextTokens);
    expect(tiny.model.fileInfo.metadata.tokenizer.chat_template).toContain('<|im_start|>');
    expect(tiny.model.tokens.shouldPrependBosToken).toBe(false);
    expect(tiny.model.tokens.eosString).toBe('<|im_end|>');
    expect(tiny.model.tokenize('<|im_start|>user', true)).toHaveLength(5);
    expect(tiny.model.tokenize('<|im_end|>', false)).toHaveLength(10);
  });

  it('reads any text back as it was', () => {
    const text = ' Hello, world! 123\n\tnaïve “quotes” 🙂🙃 漢字 {"a": [1, 2]} ';
    expect(tiny.model.detokenize(tiny.model.tokenize(text, false))).toBe(text);
  });

  it('writes 28 printable tokens and ends', async () => {
    for (const prompt of prompts) {
      const { tokens, text, ended } = await tiny.write(prompt);
      expect(text).toMatch(/^[A-Z][a-z]+( [A-Za-z]+){16} [a-z]+\.🙂( [A-Za-z]+){6}\.$/u);
      expect(tokens).toHaveLength(28);
      expect(ended).toBe(true);
      expect(tiny.model.tokenize(text, false)).toEqual(tokens);
    }
  });

  it('spreads an emoji over four tokens', async () => {
    const { tokens } = await tiny.write('Hello!');
    expect(tiny.model.detokenize(tokens.slice(18, 22))).toBe('🙂');
    for (const token of tokens.slice(18, 22)) expect(tiny.model.detokenize([token])).toBe('\uFFFD');
  });

  it('answers every prompt differently, and the same one always the same', async () => {
    const texts = new Set<string>();
    for (const prompt of prompts) texts.add((await tiny.write(prompt)).text);
    expect(texts.size).toBe(prompts.length);
    expect(texts).toContain((await tiny.write('Hello!')).text);
  });

  it('depends on an early word of a long prompt', async () => {
    const rest =
      ' tells us what the controller does with a request while all of its workers are busy.'.repeat(4);
    const texts = new Set<string>();
    for (const word of ['Alice', 'Boris', 'Clara']) texts.add((await tiny.write(word + rest)).text);
    expect(texts.size).toBe(3);
  });

  it('goes on with the same tokens after a cut anywhere, the emoji included', async () => {
    const { tokens } = await tiny.write('What is the capital of France?');
    for (const cut of [1, 9, 18, 19, 20, 21, 22, 27]) {
      const resumed = await tiny.write('What is the capital of France?', { resume: tokens.slice(0, cut) });
      expect(resumed.tokens).toEqual(tokens);
    }
  });

  it('fills a JSON grammar and ends', async () => {
    const grammar = await llama.createGrammarForJsonSchema({
      type: 'object',
      properties: {
        name: { type: 'string' },
        age: { type: 'integer' },
        tags: { type: 'array', items: { type: 'string' } },
      },
    } as const);
    const { text, ended } = await tiny.write('Hello!', { grammar });
    expect(ended).toBe(true);
    expect(() => grammar.parse(text)).not.toThrow();
  });

  it('writes other texts with another seed', async () => {
    const other = await load('seed', { seed: 2 });
    expect((await other.write('Hello!')).text).not.toBe((await tiny.write('Hello!')).text);
    await other.model.dispose();
  });
});

describe('its endless variant', () => {
  it('goes on with other words, printable, and does not end', async () => {
    const endless = await load('endless', { endless: true, layers: 3 });
    const { tokens, text, ended } = await endless.write('Hello!', { maxTokens: 290 });
    expect(ended).toBe(false);
    expect(tokens).toHaveLength(290);
    expect(text).toMatch(/^([A-Z][a-z]+( [A-Za-z]+){16} [a-z]+\.🙂( [A-Za-z]+){6}\. ?){10}$/u);
    expect(endless.model.tokenize(text, false)).toEqual(tokens);
    const sentences = text.match(/.*?🙂.*?\./gu) ?? [];
    expect(new Set(sentences).size).toBe(10);
    await endless.model.dispose();
  });
});
