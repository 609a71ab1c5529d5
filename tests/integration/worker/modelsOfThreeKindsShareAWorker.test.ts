import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVector, type EmbedResponse, type RankResponse } from '../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';
import type { DetokenizeResponse, TokenizeResponse } from '../../../src/protocol/tokenization.js';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { toRequest } from '../../support/generate.js';
import { startTinyWorker, type TinyWorker } from '../../support/tinyWorker.js';

const principal = anonymousPrincipal;
const text = 'A small robot finds the golden bridge';
const similar = 'The golden bridge, and a quiet robot';
const other = 'children share purple boxes today';

let worker: TinyWorker;
beforeAll(async () => {
  worker = await startTinyWorker();
});
afterAll(() => worker.close());

function embed(inputs: readonly (string | number[])[], changes: object = {}) {
  const body = { model: 'tiny-embedding', principal, inputs, dimensions: null, ...changes };
  return worker.call<EmbedResponse>(internalPaths.embed, body);
}

async function vectorsOf(inputs: readonly (string | number[])[], changes: object = {}): Promise<number[][]> {
  const { status, body } = await embed(inputs, changes);
  expect(status).toBe(200);
  return (body as EmbedResponse).embeddings.map(decodeVector);
}

function rank(query: string, documents: readonly string[], changes: object = {}) {
  const body = { model: 'tiny-rerank', principal, query, documents, ...changes };
  return worker.call<RankResponse>(internalPaths.rank, body);
}

async function tokenize(model: string, content: string, special = false): Promise<number[]> {
  const answer = await worker.call<TokenizeResponse>(internalPaths.tokenize, {
    model,
    text: content,
    special,
  });
  return (answer.body as TokenizeResponse).tokens;
}

const dot = (a: readonly number[] = [], b: readonly number[] = []) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

describe('a worker with models of three kinds', () => {
  it('says of each what it is for', async () => {
    const { models } = await worker.health();
    expect(
      models.map(({ id, kind, slotsTotal, contextTokens }) => [id, kind, slotsTotal, contextTokens]),
    ).toEqual([
      ['tiny', 'generation', 2, 2048],
      ['tiny-embedding', 'embedding', 2, 512],
      ['tiny-rerank', 'ranking', 2, 512],
    ]);
  });

  it('goes on with a stream while it embeds and ranks', async () => {
    const abort = new AbortController();
    const stream = worker.generate(toRequest('Hello', { maxTokens: 1500 }), abort.signal);
    const first = await stream.next();
    expect(first.value).toMatchObject({ type: 'accepted' });
    const inputs = Array.from({ length: 60 }, (_, index) => `${text} number ${index}`);
    let isDone = false;
    const others = Promise.all([embed(inputs), rank(text, inputs)]).finally(() => {
      isDone = true;
    });
    let tokensMeanwhile = 0;
    for await (const event of stream) {
      if (isDone) break;
      if (event.type === 'output') tokensMeanwhile += event.tokenIds.length;
    }
    abort.abort();
    const [embedded, ranked] = await others;
    expect([embedded.status, ranked.status]).toEqual([200, 200]);
    // Of the two other models each has one input in the queue for the processor, and a step comes after them.
    expect(tokensMeanwhile).toBeGreaterThan(40);
    await expect
      .poll(async () => (await worker.health()).models.map((model) => model.slotsBusy))
      .toEqual([0, 0, 0]);
  });
});

describe('embeddings', () => {
  it('are as long as 1, the same again, and closer for texts that share words', async () => {
    const [a, b, c, again] = await vectorsOf([text, similar, other, text]);
    expect(a).toHaveLength(64);
    expect(dot(a, a)).toBeCloseTo(1, 6);
    expect(again).toEqual(a);
    expect(dot(a, b)).toBeGreaterThan(dot(a, c) + 0.1);
  });

  it('do not depend on what else is computed at the time', async () => {
    const [alone] = await vectorsOf([text]);
    const together = await Promise.all([vectorsOf([other, text]), rank(text, [similar])]);
    expect(together[0][1]).toEqual(alone);
  });

  it('are cut to the dimensions that are asked for and are as long as 1 again', async () => {
    const [whole = []] = await vectorsOf([text]);
    const [cut = []] = await vectorsOf([text], { dimensions: 16 });
    const length = Math.sqrt(dot(whole.slice(0, 16), whole.slice(0, 16)));
    expect(cut).toHaveLength(16);
    expect(dot(cut, cut)).toBeCloseTo(1, 6);
    cut.forEach((value, index) => expect(value).toBeCloseTo((whole[index] ?? 0) / length, 6));
  });

  it('of token ids are those of the text with its begin and end tokens, which count', async () => {
    const tokens = await tokenize('tiny-embedding', text);
    const [ofText] = await vectorsOf([text]);
    const [classify, separate] = await tokenize('tiny-embedding', '[CLS][SEP]', true);
    const ids = [classify ?? 0, ...tokens, separate ?? 0];
    expect(await vectorsOf([ids])).toEqual([ofText]);
    const { body } = await embed([text, ids]);
    expect(body).toMatchObject({ promptTokens: 2 * (tokens.length + 2) });
  });

  it('take control tokens in a text as plain text', async () => {
    const [plain, forged] = await vectorsOf(['robot', '[SEP] robot']);
    expect(forged).not.toEqual(plain);
    expect(await tokenize('tiny-embedding', '[SEP]')).toHaveLength(5);
  });

  it('fill the context to its last token', async () => {
    const { status, body } = await embed([Array.from({ length: 512 }, () => 173)]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ promptTokens: 512 });
  });

  it.each([
    [
      'an input that is too long',
      { inputs: ['robot', 'robot '.repeat(600)] },
      'context_length_exceeded',
      "This model's maximum context length is 512 tokens, but input 1 has 602 tokens. Shorten it.",
    ],
    [
      'a token that does not exist',
      { inputs: [[1, 100_000]] },
      'invalid_request',
      /^Token 100000 does not exist: this model's vocabulary has the tokens 0 to \d+\.$/,
    ],
    [
      'more dimensions than there are',
      { dimensions: 65 },
      'invalid_dimensions',
      "The model 'tiny-embedding' makes embeddings of 64 dimensions: 65 are too many.",
    ],
    ['no input', { inputs: [] }, 'invalid_request', /inputs/],
    ['an empty list of tokens', { inputs: [[]] }, 'invalid_request', /inputs\[0\]/],
    ['a field that does not exist', { input: 'robot' }, 'invalid_request', /input/],
    [
      'a chat model',
      { model: 'tiny' },
      'invalid_request',
      "The model 'tiny' is a chat model, not an embedding model.",
    ],
    [
      'a reranking model',
      { model: 'tiny-rerank' },
      'invalid_request',
      "The model 'tiny-rerank' is a reranking model, not an embedding model.",
    ],
  ])('refuse %s', async (_name, changes, code, message) => {
    const { status, body } = await embed([text], changes);
    expect({ status, ...body }).toMatchObject({ status: 400, code, retryable: false });
    expect((body as { message: string }).message).toMatch(message);
  });

  it('of a model that is not loaded are to be had elsewhere', async () => {
    const { status, body } = await embed([text], { model: 'other' });
    expect({ status, ...body }).toMatchObject({ status: 404, code: 'model_not_loaded', retryable: true });
  });

  it('are refused while all slots are busy, and end when their client leaves', async () => {
    const busy = async () => (await worker.health()).models[1]?.slotsBusy;
    const abort = new AbortController();
    const many = { model: 'tiny-embedding', principal, dimensions: null };
    const inputs = Array.from({ length: 20_000 }, () => text);
    const running = [1, 2].map(() =>
      worker.call(internalPaths.embed, { ...many, inputs }, abort.signal).catch(() => 'left'),
    );
    await expect.poll(busy).toBe(2);
    const refused = await embed([text]);
    expect({ status: refused.status, ...refused.body }).toMatchObject({ status: 409, code: 'no_free_slot' });
    abort.abort();
    expect(await Promise.all(running)).toEqual(['left', 'left']);
    await expect.poll(busy).toBe(0);
  });
});

describe('reranking', () => {
  it('scores documents the higher the more they have of the query', async () => {
    const { status, body } = await rank('golden bridge', [other, similar, 'the golden bridge']);
    const [none = 1, some = 0, most = 0] = (body as RankResponse).scores;
    expect(status).toBe(200);
    expect(none).toBeLessThan(0.1);
    expect(some).toBeGreaterThan(none);
    expect(most).toBeGreaterThan(0.8);
    expect((body as RankResponse).promptTokens).toBeGreaterThan(20);
  });

  it.each([
    [
      'a document that is too long',
      { documents: ['robot', 'robot', 'robot '.repeat(600)] },
      'context_length_exceeded',
      'but the query with document 2 has 605 tokens',
    ],
    ['no document', { documents: [] }, 'invalid_request', /documents/],
    [
      'an embedding model',
      { model: 'tiny-embedding' },
      'invalid_request',
      "The model 'tiny-embedding' is an embedding model, not a reranking model.",
    ],
    ['a chat model', { model: 'tiny' }, 'invalid_request', "The model 'tiny' is a chat model, not a"],
  ])('refuses %s', async (_name, changes, code, message) => {
    const { status, body } = await rank('golden bridge', ['robot'], changes);
    expect({ status, ...body }).toMatchObject({ status: 400, code, retryable: false });
    expect((body as { message: string }).message).toMatch(message);
  });
});

describe('chats', () => {
  it('are refused by models that do not write', async () => {
    const { status, body } = await worker.call(
      internalPaths.generate,
      toRequest('Hello', { model: 'tiny-embedding' }),
    );
    expect({ status, ...(body as object) }).toEqual({
      status: 400,
      code: 'invalid_request',
      message: "The model 'tiny-embedding' is an embedding model, not a chat model.",
      retryable: false,
    });
  });
});

describe('a tokenizer', () => {
  it.each(['tiny', 'tiny-embedding', 'tiny-rerank'])(
    'of %s turns text into tokens and back',
    async (model) => {
      const tokens = await tokenize(model, 'every small robot');
      const { body } = await worker.call<DetokenizeResponse>(internalPaths.detokenize, { model, tokens });
      expect((body as DetokenizeResponse).text.trim()).toBe('every small robot');
    },
  );

  it('knows control tokens where it is told to, and writes them out', async () => {
    const plain = await tokenize('tiny', '<|im_end|>');
    const special = await tokenize('tiny', '<|im_end|>', true);
    expect(plain.length).toBeGreaterThan(1);
    expect(special).toHaveLength(1);
    const back = { model: 'tiny', tokens: special };
    expect((await worker.call(internalPaths.detokenize, back)).body).toEqual({ text: '<|im_end|>' });
  });

  it('gives the bytes of the tokens, which together are the text', async () => {
    const request = { model: 'tiny', text: 'a 🙂 robot', special: false, withPieces: true };
    const { body } = await worker.call<TokenizeResponse>(internalPaths.tokenize, request);
    const { tokens, pieces = [] } = body as TokenizeResponse;
    expect(pieces).toHaveLength(tokens.length);
    expect(Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).toString()).toBe('a 🙂 robot');
  });

  it('refuses tokens and fields that do not exist', async () => {
    const unknown = await worker.call(internalPaths.detokenize, { model: 'tiny', tokens: [100_000] });
    expect({ status: unknown.status, ...(unknown.body as object) }).toMatchObject({
      status: 400,
      code: 'invalid_request',
      message: expect.stringContaining('Token 100000 does not exist') as string,
    });
    const strict = await worker.call(internalPaths.tokenize, {
      model: 'tiny',
      text: 'a',
      special: true,
      x: 1,
    });
    expect(strict.status).toBe(400);
  });
});
