import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RerankResult, TextsRerankResult } from '../../../src/protocol/openai/rerank.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';

const model = 'tiny-rerank';
const query = 'golden bridge';
/** From the worst to the best. */
const documents = [
  'children share purple boxes today',
  'The golden bridge, and a quiet robot',
  'the golden bridge',
];

let cluster: RealCluster;
beforeAll(async () => {
  cluster = await startRealCluster();
}, 60_000);
afterAll(() => cluster.close());

async function rerank(body: object, path = '/v1/rerank') {
  const answer = await cluster.send(path, { model, query, documents, ...body });
  expect(answer.status).toBe(200);
  return RerankResult.strict().parse(answer.body);
}

describe("Cohere's form", () => {
  it.each(['/v1/rerank', '/rerank', '/v2/rerank', '/v1/reranking', '/reranking'])(
    'is answered on %s, the best document first',
    async (path) => {
      const { id, results, usage, meta, ...rest } = await rerank({}, path);
      expect(id).toMatch(/^rerank-\w+$/);
      expect(rest).toEqual({ object: 'list', model });
      expect(results.map(({ index }) => index)).toEqual([2, 1, 0]);
      const scores = results.map((result) => result.relevance_score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores[0]).toBeGreaterThan(0.8);
      expect(scores[2]).toBeLessThan(0.1);
      expect(results.every((result) => !('document' in result))).toBe(true);
      expect(usage.prompt_tokens).toBeGreaterThan(20);
      expect(usage.total_tokens).toBe(usage.prompt_tokens);
      expect(meta).toEqual({ billed_units: { search_units: 1 } });
    },
  );

  it.each([
    [1, [2]],
    [2, [2, 1]],
    [0, [2, 1, 0]],
    [null, [2, 1, 0]],
    [10, [2, 1, 0]],
  ])('returns the best with top_n: %j', async (top_n, places) => {
    const { results } = await rerank({ top_n });
    expect(results.map(({ index }) => index)).toEqual(places);
  });

  it('takes documents as texts and as objects, and returns both as objects where asked to', async () => {
    const mixed = [documents[0], { text: documents[1], title: 'x' }, { text: documents[2] }];
    const { results } = await rerank({ documents: mixed, return_documents: true, rank_fields: ['text'] });
    expect(results.map(({ document }) => document)).toEqual(
      [2, 1, 0].map((index) => ({ text: documents[index] })),
    );
  });

  it('keeps the order of documents that are equally good', async () => {
    const { results } = await rerank({ documents: ['robot', 'the golden bridge', 'robot', 'robot'] });
    expect(results.map(({ index }) => index)).toEqual([1, 0, 2, 3]);
  });

  it('counts a search unit for every 100 documents', async () => {
    const { meta } = await rerank({ documents: Array(201).fill('robot') });
    expect(meta.billed_units.search_units).toBe(3);
  });

  it('needs no model where only one ranks', async () => {
    expect((await rerank({ model: undefined })).model).toBe(model);
  });
});

describe("TEI's form", () => {
  it('is answered with a bare list', async () => {
    const { status, body } = await cluster.send('/rerank', { query, texts: documents });
    expect(status).toBe(200);
    const results = TextsRerankResult.parse(body);
    expect(results.map(({ index }) => index)).toEqual([2, 1, 0]);
    expect(Object.keys(results[0] ?? {})).toEqual(['index', 'score']);
  });

  it('has no documents, which null are none of', async () => {
    const { status } = await cluster.send('/rerank', { query, texts: ['a'], documents: null });
    expect(status).toBe(200);
  });

  it('returns texts where asked to', async () => {
    const asked = { query, texts: documents, return_text: true, raw_scores: false, truncate: true };
    const { body } = await cluster.send('/rerank', asked);
    expect(TextsRerankResult.parse(body).map(({ text }) => text)).toEqual(documents.toReversed());
  });
});

it('is counted in the log line, tokens included', async () => {
  const before = cluster.log.entries().length;
  const { usage } = await rerank({}, '/v2/rerank');
  await eventually(() => {
    const lines = cluster.log.entries().slice(before);
    const line = lines.find(({ message }) => message === 'request');
    expect(line).toMatchObject({
      path: '/v1/rerank',
      model,
      outcome: 'success',
      promptTokens: usage.prompt_tokens,
    });
  });
});

describe('what cannot be ranked is a 400 that names it', () => {
  const long = 'robot '.repeat(600);
  it.each<[string, object, string, string, RegExp]>([
    ['no documents', { documents: undefined }, 'missing_required_parameter', 'documents', /'documents'/],
    ['null', { documents: null }, 'invalid_type', 'documents', /array/],
    ['an empty list', { documents: [] }, 'empty_array', 'documents', /at least 1/],
    ['a number', { documents: ['a', 5] }, 'invalid_type', 'documents[1]', /string or an object/],
    [
      'an object without text',
      { documents: [{ title: 'a' }] },
      'missing_required_parameter',
      'documents[0].text',
      /text/,
    ],
    ['both forms', { texts: ['a'] }, 'invalid_value', 'documents', /not both/],
    ['no query', { query: undefined }, 'missing_required_parameter', 'query', /'query'/],
    ['an empty query', { query: '' }, 'empty_string', 'query', /at least 1/],
    ['a negative top_n', { top_n: -1 }, 'integer_below_min_value', 'top_n', /at least 0/],
    [
      'a document that is too long',
      { documents: ['a', long] },
      'context_length_exceeded',
      'documents[1]',
      /document 1 has/,
    ],
    [
      'a text that is too long',
      { documents: undefined, texts: [long] },
      'context_length_exceeded',
      'texts[0]',
      /has/,
    ],
    [
      'a limit that would cut',
      { max_tokens_per_doc: 10 },
      'unsupported_parameter',
      'max_tokens_per_doc',
      /not supp/,
    ],
    ['scores of another kind', { raw_scores: true }, 'unsupported_parameter', 'raw_scores', /not supported/],
    ['other fields', { rank_fields: ['title'] }, 'unsupported_parameter', 'rank_fields', /not supported/],
    ['an embedding model', { model: 'tiny-embedding' }, 'invalid_value', 'model', /makes embeddings/],
  ])('%s', async (_what, changes, code, param, message) => {
    const answer = await cluster.send('/v1/rerank', { model, query, documents, ...changes });
    const error = {
      type: 'invalid_request_error',
      code,
      param,
      message: expect.stringMatching(message) as string,
    };
    expect(answer).toMatchObject({ status: 400, body: { error } });
  });
});
