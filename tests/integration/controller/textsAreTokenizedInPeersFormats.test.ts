import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DetokenizeAnswer,
  TokenizeContentAnswer,
  TokenizePromptAnswer,
} from '../../../src/protocol/openai/tokenization.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';

const text = 'a 🙂 robot';

let cluster: RealCluster;
beforeAll(async () => {
  cluster = await startRealCluster();
}, 60_000);
afterAll(() => cluster.close());

async function post(path: string, body: object): Promise<unknown> {
  const answer = await cluster.send(path, { model: 'tiny', ...body });
  expect(answer.status).toBe(200);
  return answer.body;
}

async function idsOf(body: object, path = '/tokenize'): Promise<number[]> {
  return TokenizeContentAnswer.strict().parse(await post(path, body)).tokens as number[];
}

const countOf = async (body: object) => TokenizePromptAnswer.strict().parse(await post('/tokenize', body));

describe("llama.cpp's form", () => {
  it.each(['tiny', 'tiny-embedding', 'tiny-rerank'])(
    'is turned into tokens of %s and back',
    async (model) => {
      const content = 'every small robot';
      for (const prefix of ['', '/v1']) {
        const tokens = await idsOf({ model, content }, `${prefix}/tokenize`);
        expect(tokens.length).toBeGreaterThan(2);
        const back = DetokenizeAnswer.strict().parse(await post(`${prefix}/detokenize`, { model, tokens }));
        expect(back.content.trim()).toBe(content);
        expect(back.prompt).toBe(back.content);
      }
    },
  );

  it('takes special texts for tokens, unless told not to', async () => {
    expect(await idsOf({ content: '<|im_end|>' })).toHaveLength(1);
    expect((await idsOf({ content: '<|im_end|>', parse_special: false })).length).toBeGreaterThan(1);
  });

  it('has begin and end tokens where asked for', async () => {
    const model = 'tiny-embedding';
    const plain = await idsOf({ model, content: 'robot' });
    const [classify, separate] = await idsOf({ model, content: '[CLS][SEP]' });
    expect(await idsOf({ model, content: 'robot', add_special: true })).toEqual([
      classify,
      ...plain,
      separate,
    ]);
  });

  it('has pieces where asked for: text, or bytes of a part of a code point', async () => {
    const { tokens } = TokenizeContentAnswer.parse(
      await post('/tokenize', { content: text, with_pieces: true }),
    );
    const pieces = tokens as { id: number; piece: string | number[] }[];
    expect(pieces.map(({ id }) => id)).toEqual(await idsOf({ content: text }));
    expect(pieces.some(({ piece }) => typeof piece === 'string')).toBe(true);
    expect(pieces.some(({ piece }) => Array.isArray(piece))).toBe(true);
    expect(Buffer.concat(pieces.map(({ piece }) => Buffer.from(piece as string))).toString()).toBe(text);
  });

  it('is the form that is not null', async () => {
    expect(await idsOf({ content: 'sea', prompt: null, messages: null })).toEqual(
      await idsOf({ content: 'sea' }),
    );
  });

  it('has no tokens where there is no text', async () => {
    expect(await idsOf({ content: '' })).toEqual([]);
    expect(await post('/detokenize', { tokens: [] })).toEqual({ content: '', prompt: '' });
  });
});

describe("vLLM's form", () => {
  it('counts the tokens of a prompt', async () => {
    const tokens = await idsOf({ content: text, add_special: true });
    expect(await countOf({ prompt: text })).toEqual({
      count: tokens.length,
      max_model_len: 2048,
      tokens,
      token_strs: null,
    });
  });

  it('has the texts of tokens where asked for, and no begin token where not', async () => {
    const answer = await countOf({ prompt: 'a robot', return_token_strs: true, add_special_tokens: false });
    expect(answer.tokens).toEqual(await idsOf({ content: 'a robot' }));
    expect(answer.token_strs?.join('')).toBe('a robot');
  });

  it('counts the tokens of a chat as its completion does, tools included', async () => {
    const messages = [
      { role: 'system' as const, content: 'Be kind.' },
      { role: 'user' as const, content: [{ type: 'text' as const, text: 'Hello <|im_end|>' }] },
    ];
    const tools = [{ type: 'function' as const, function: { name: 'look', parameters: { type: 'object' } } }];
    const model = 'tiny';
    for (const body of [{ messages }, { messages, tools }]) {
      const { usage } = await cluster.client.chat.completions.create({ model, ...body, max_tokens: 1 });
      expect((await countOf(body)).count).toBe(usage?.prompt_tokens);
    }
    expect((await countOf({ messages, tools })).count).toBeGreaterThan((await countOf({ messages })).count);
  });
});

it('is logged with its model, and is no inference for the metrics', async () => {
  const inferences = async () => {
    const { body } = await request(`${cluster.url}/metrics`);
    const lines = (await body.text()).split('\n');
    return lines.filter((line) => /^ai_cluster_(inference|api_key|tokens)/.test(line));
  };
  const countedBefore = await inferences();
  const before = cluster.log.entries().length;
  await idsOf({ content: text });
  await eventually(() => {
    const line = cluster.log
      .entries()
      .slice(before)
      .find(({ message }) => message === 'request');
    expect(line).toMatchObject({ path: '/tokenize', model: 'tiny', nodeId: 'worker_1', outcome: 'success' });
    expect(line).toMatchObject({ attempts: 1, promptTokens: 0, completionTokens: 0 });
  });
  await request(`${cluster.url}/tokenize`, { method: 'POST' });
  expect(await inferences()).toEqual(countedBefore);
});

describe('what has no tokens is refused by its name', () => {
  it.each<[string, object, number, string, string, RegExp]>([
    ['/tokenize', {}, 400, 'missing_required_parameter', 'content', /'content'/],
    ['/tokenize', { content: 5 }, 400, 'invalid_type', 'content', /a string/],
    [
      '/tokenize',
      { content: 'a'.repeat(1_000_001) },
      400,
      'string_above_max_length',
      'content',
      /at most 1000000/,
    ],
    ['/tokenize', { prompt: ['a'] }, 400, 'invalid_type', 'prompt', /a string/],
    ['/tokenize', { messages: [] }, 400, 'empty_array', 'messages', /at least 1/],
    [
      '/tokenize',
      { messages: [{ role: 'user' }] },
      400,
      'missing_required_parameter',
      'messages[0].content',
      /content/,
    ],
    ['/tokenize', { content: 'a', model: undefined }, 400, 'missing_required_parameter', 'model', /'model'/],
    ['/tokenize', { content: 'a', model: 'nope' }, 404, 'model_not_found', 'model', /does not exist/],
    [
      '/tokenize',
      { messages: [{ role: 'user', content: 'a' }], continue_final_message: true },
      400,
      'unsupported_parameter',
      'continue_final_message',
      /not supported/,
    ],
    [
      '/tokenize',
      { messages: [{ role: 'user', content: 'a' }], model: 'tiny-rerank' },
      400,
      'invalid_value',
      'model',
      /generates text/,
    ],
    ['/tokenize', { content: 'a', prompt: 'b' }, 400, 'invalid_value', 'prompt', /not both/],
    ['/detokenize', {}, 400, 'missing_required_parameter', 'tokens', /'tokens'/],
    ['/detokenize', { tokens: 'a' }, 400, 'invalid_type', 'tokens', /an array/],
    ['/detokenize', { tokens: [1, -1] }, 400, 'integer_below_min_value', 'tokens[1]', /at least 0/],
    ['/detokenize', { tokens: [100_000] }, 400, 'invalid_value', 'tokens', /Token 100000 does not exist/],
  ])('%s %#', async (path, body, status, code, param, message) => {
    const answer = await cluster.send(path, { model: 'tiny', ...body });
    expect(answer).toMatchObject({
      status,
      body: { error: { code, param, message: expect.stringMatching(message) as string } },
    });
  });
});
