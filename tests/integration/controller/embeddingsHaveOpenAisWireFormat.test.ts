import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddingList } from '../../../src/protocol/openai/embeddings.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';

const model = 'tiny-embedding';
const texts = ['A small robot', 'finds the golden bridge', 'children share purple boxes today'];

let cluster: RealCluster;
beforeAll(async () => {
  cluster = await startRealCluster();
}, 60_000);
afterAll(() => cluster.close());

const dot = (a: readonly number[] = [], b: readonly number[] = []) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

/** Over raw HTTP: nothing is asked for or decoded that the test does not say. */
async function post(body: object, path = '/v1/embeddings') {
  const { status, body: answer } = await cluster.send(path, { model, ...body });
  return { status, list: EmbeddingList.parse(answer) };
}

async function vectorsOf(input: unknown): Promise<number[][]> {
  const { list } = await post({ input });
  return list.data.map(({ embedding }) => embedding as number[]);
}

async function tokensOf(content: string): Promise<number[]> {
  const { body } = await cluster.send('/tokenize', { model, content, add_special: true });
  return (body as { tokens: number[] }).tokens;
}

describe('the official client', () => {
  it('gets numbers although it asks for nothing, in the order of its inputs', async () => {
    const {
      data,
      object,
      usage,
      model: answered,
    } = await cluster.client.embeddings.create({
      model,
      input: texts,
    });
    expect({ object, answered }).toEqual({ object: 'list', answered: model });
    expect(data.map(({ index, object: kind }) => [index, kind])).toEqual(
      texts.map((_, index) => [index, 'embedding']),
    );
    for (const [index, text] of texts.entries()) {
      const vector = data[index]?.embedding ?? [];
      expect(vector).toHaveLength(64);
      expect(dot(vector, vector)).toBeCloseTo(1, 5);
      expect(vector).toEqual((await vectorsOf(text))[0]);
    }
    expect(usage.prompt_tokens).toBeGreaterThan(texts.length * 3);
    expect(usage.total_tokens).toBe(usage.prompt_tokens);
  });

  it.each(['float', 'base64'] as const)('gets what it asks for: %s', async (encoding_format) => {
    const { data } = await cluster.client.embeddings.create({ model, input: 'robot', encoding_format });
    const given = data[0]?.embedding as unknown;
    const [expected] = await vectorsOf('robot');
    if (encoding_format === 'float') return expect(given).toEqual(expected);
    const bytes = Buffer.from(given as string, 'base64');
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 64)]).toEqual(expected);
  });

  it('throws its own errors', async () => {
    const create = cluster.client.embeddings.create({ model: 'tiny', input: 'robot' });
    await expect(create).rejects.toThrow(OpenAI.BadRequestError);
    await expect(create).rejects.toThrow(
      'The model `tiny` generates text; this endpoint needs one that makes',
    );
    const unknown = cluster.client.embeddings.create({ model: 'nope', input: 'robot' });
    await expect(unknown).rejects.toThrow(OpenAI.NotFoundError);
  });
});

describe('embeddings', () => {
  it('are numbers where no format is named, on both paths', async () => {
    for (const path of ['/v1/embeddings', '/embeddings']) {
      const { status, list } = await post({ input: texts, encoding_format: null }, path);
      expect(status).toBe(200);
      expect(list.data.map(({ embedding }) => embedding.length)).toEqual([64, 64, 64]);
      expect(list.data.every(({ embedding }) => Array.isArray(embedding))).toBe(true);
    }
  });

  it('of token ids, one list or several, are those of the text', async () => {
    const tokens = await Promise.all(texts.map(tokensOf));
    const expected = await vectorsOf(texts);
    expect(await vectorsOf(tokens)).toEqual(expected);
    expect(await vectorsOf(tokens[0])).toEqual([expected[0]]);
    const { list } = await post({ input: tokens });
    expect(list.usage.prompt_tokens).toBe(tokens.flat().length);
  });

  it('have the dimensions that are asked for, and are as long as 1 again', async () => {
    const [whole = []] = await vectorsOf('robot');
    const { list } = await post({ input: 'robot', dimensions: 8 });
    const cut = list.data[0]?.embedding as number[];
    const scale = Math.sqrt(dot(whole.slice(0, 8), whole.slice(0, 8)));
    expect(cut).toHaveLength(8);
    cut.forEach((value, index) => expect(value).toBeCloseTo((whole[index] ?? 0) / scale, 5));
  });

  it('are counted in the metrics and the log line, tokens included', async () => {
    const before = cluster.log.entries().length;
    const { list } = await post({ input: texts });
    const line = await eventually(() => {
      const found = cluster.log
        .entries()
        .slice(before)
        .find(({ message }) => message === 'request');
      expect(found).toBeDefined();
      return found;
    });
    expect(line).toMatchObject({
      path: '/v1/embeddings',
      status: 200,
      model,
      outcome: 'success',
      nodeId: 'worker_1',
      attempts: 1,
      promptTokens: list.usage.prompt_tokens,
      completionTokens: 0,
    });
    const metrics = await cluster.metrics();
    expect(metrics).toMatch(
      /ai_cluster_inference_requests_total\{model="tiny-embedding",status="success"\} [1-9]/,
    );
    expect(metrics).toMatch(
      /ai_cluster_tokens_generated_total\{model="tiny-embedding",type="prompt"\} [1-9]/,
    );
  });
});

describe('up to 2,048 inputs', () => {
  it('are taken', async () => {
    const { list } = await post({ input: Array.from({ length: 2048 }, () => [173]) });
    expect(list.data.map(({ index }) => index)).toEqual([...Array(2048).keys()]);
    expect(list.usage.prompt_tokens).toBe(2048);
  }, 60_000);
});

describe('what cannot be embedded is a 400 that names it', () => {
  const long = 'robot '.repeat(600);
  it.each<[string, object, string, string | null, string | RegExp]>([
    ['no input', {}, 'missing_required_parameter', 'input', "Missing required parameter: 'input'."],
    ['null', { input: null }, 'invalid_type', 'input', /'input'/],
    ['an empty text', { input: '' }, 'empty_string', 'input', /at least 1 character/],
    ['an empty list', { input: [] }, 'empty_array', 'input', /at least 1 element/],
    ['an empty text of several', { input: ['a', 'b', ''] }, 'empty_string', 'input[2]', /'input\[2\]'/],
    ['an empty list of tokens', { input: [[]] }, 'empty_array', 'input[0]', /'input\[0\]'/],
    ['one of several', { input: [[1], [2], []] }, 'empty_array', 'input[2]', /'input\[2\]'/],
    ['a number among texts', { input: ['a', 5] }, 'invalid_type', 'input[1]', /expected a string/],
    ['a text among tokens', { input: [1, 'a'] }, 'invalid_type', 'input[1]', /expected a/],
    ['a text in a list of tokens', { input: [[1], [1, 'a']] }, 'invalid_type', 'input[1][1]', /'input/],
    ['too many texts', { input: Array(2049).fill('a') }, 'array_above_max_length', 'input', /at most 2048/],
    ['too many lists', { input: Array(2049).fill([1]) }, 'array_above_max_length', 'input', /at most 2048/],
    [
      'an endless text',
      { input: ['a', 'a'.repeat(1_000_001)] },
      'string_above_max_length',
      'input[1]',
      /at most 1000000/,
    ],
    ['a text that is too long', { input: long }, 'context_length_exceeded', 'input', /the input has 602/],
    ['one of several', { input: ['a', long] }, 'context_length_exceeded', 'input[1]', /input 1 has 602/],
    ['an unknown token', { input: [100_000] }, 'invalid_value', 'input', /Token 100000 does not exist/],
    ['one of several', { input: [[1], [100_000]] }, 'invalid_value', 'input[1]', /Token 100000 does not/],
    ['no dimensions', { input: 'a', dimensions: 0 }, 'integer_below_min_value', 'dimensions', /at least 1/],
    ['too many dimensions', { input: 'a', dimensions: 65 }, 'invalid_value', 'dimensions', /65 are too many/],
    ['another format', { input: 'a', encoding_format: 'int8' }, 'invalid_value', 'encoding_format', /base64/],
    [
      'a limit that would cut',
      { input: 'a', truncate_prompt_tokens: 5 },
      'unsupported_parameter',
      'truncate_prompt_tokens',
      /not supported/,
    ],
    ['a reranking model', { input: 'a', model: 'tiny-rerank' }, 'invalid_value', 'model', /ranks documents/],
  ])('%s', async (_what, body, code, param, message) => {
    const answer = await cluster.send('/v1/embeddings', { model, ...body });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        error: {
          type: 'invalid_request_error',
          code,
          param,
          message: expect.stringMatching(message) as string,
        },
      },
    });
  });
});
