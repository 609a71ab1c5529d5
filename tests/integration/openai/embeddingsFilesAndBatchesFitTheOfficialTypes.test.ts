import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { startLiveCluster, scriptedModel, type LiveCluster } from '../../support/liveCluster.js';
import { openOpenAiSpec } from '../../support/officialTypes/openaiSpec.js';
import type { TypeJudge } from '../../support/officialTypes/typeJudge.js';
import { playScenario } from '../../support/scenarios.js';

let cluster: LiveCluster;
let spec: TypeJudge;
beforeAll(async () => {
  spec = openOpenAiSpec();
  cluster = await startLiveCluster({ script: playScenario });
}, 120_000);
afterAll(() => cluster?.close());

const send = (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') =>
  fetch(cluster.url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** The answer, once it was found to be of this type. */
async function judged<T = Record<string, unknown>>(
  type: string,
  asked: Promise<Response>,
  status = 200,
): Promise<T> {
  const response = await asked;
  const answer = (await response.json()) as T;
  expect(response.status, JSON.stringify(answer)).toBe(status);
  expect(spec.violations(type, answer)).toEqual([]);
  return answer;
}

interface Embeddings {
  readonly data: readonly { readonly embedding: readonly number[] | string }[];
}

describe('embeddings', () => {
  const embed = (body: object) => send('/v1/embeddings', { model: 'tiny-embedding', ...body });

  it.each<[string, object, number]>([
    ['of a text', { input: 'robot' }, 1],
    ['of several texts', { input: ['robot', 'sea'] }, 2],
    ['of token ids', { input: [[5, 6], [7]] }, 2],
    ['as base64', { input: 'robot', encoding_format: 'base64' }, 1],
    ['with fewer dimensions', { input: 'robot', dimensions: 4 }, 1],
  ])('%s', async (_name, body, count) => {
    const { data } = await judged<Embeddings>('CreateEmbeddingResponse', embed(body));
    expect(data).toHaveLength(count);
    const isText = 'encoding_format' in body;
    expect(data.map(({ embedding }) => typeof embedding === 'string')).toEqual(data.map(() => isText));
  });

  it.each<[string, object, number]>([
    ['nothing', { input: '' }, 400],
    ['an unknown format', { input: 'a', encoding_format: 'int8' }, 400],
    ['too many dimensions', { input: 'a', dimensions: 100_000 }, 400],
    ['another kind of model', { input: 'a', model: 'tiny' }, 400],
    ['an unknown model', { input: 'a', model: 'nope' }, 404],
  ])('the error of %s', async (_name, body, status) => {
    await judged('ErrorResponse', embed(body), status);
  });
});

async function upload(text: string, fields: Record<string, string> = {}): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ purpose: 'batch', ...fields })) form.set(name, value);
  form.set('file', new Blob([text]), 'in.jsonl');
  return fetch(`${cluster.url}/v1/files`, { method: 'POST', body: form });
}

describe('files', () => {
  it('from their upload to their end', async () => {
    const { id } = await judged<{ id: string }>('FileObject', upload('{}'));
    const expires = { 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '3600' };
    await judged('FileObject', upload('text', { purpose: 'user_data', ...expires }));
    await judged('FileObject', upload('text', { purpose: 'assistants' }));

    await judged('FileObject', send(`/v1/files/${id}`));
    expect(await judged('ListFilesResponse', send('/v1/files?limit=2'))).toMatchObject({ has_more: true });
    const empty = await judged('ListFilesResponse', send('/v1/files?purpose=vision'));
    expect(empty).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });

    const content = await send(`/v1/files/${id}/content`);
    expect(content.headers.get('content-type')).toBe('application/octet-stream');
    expect(await content.text()).toBe('{}');

    await judged('FileDeleted', send(`/v1/files/${id}`, undefined, 'DELETE'));
    await judged('ErrorResponse', send(`/v1/files/${id}`), 404);
    await judged('ErrorResponse', send(`/v1/files/${id}/content`), 404);
    await judged('ErrorResponse', send(`/v1/files/${id}`, undefined, 'DELETE'), 404);
  });

  it('errors', async () => {
    await judged('ErrorResponse', upload('{}', { purpose: 'nope' }), 400);
    await judged('ErrorResponse', send('/v1/files', {}), 415);
    await judged('ErrorResponse', send('/v1/files?limit=0'), 400);
  });
});

interface Batch {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string;
  readonly error_file_id: string;
}

/** What a line of each endpoint asks, and the type of what it is answered. */
const endpoints: Record<string, { type: string; body: object }> = {
  '/v1/chat/completions': {
    type: 'ChatCompletion',
    body: { model: scriptedModel, messages: [{ role: 'user', content: 'Say hello.' }] },
  },
  '/v1/completions': { type: 'Completion', body: { model: scriptedModel, prompt: 'Hello' } },
  '/v1/responses': { type: 'Response', body: { model: scriptedModel, input: 'Say hello.' } },
  '/v1/embeddings': { type: 'CreateEmbeddingResponse', body: { model: 'tiny-embedding', input: 'robot' } },
};

describe('batches', () => {
  async function create(endpoint: string, lines: readonly object[], more: object = {}): Promise<Batch> {
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    const { id } = await judged<{ id: string }>('FileObject', upload(text));
    const body = { input_file_id: id, endpoint, completion_window: '24h', ...more };
    return judged<Batch>('Batch', send('/v1/batches', body));
  }

  /** Judged at every look. */
  const until = (id: string, status: string): Promise<Batch> =>
    eventually(
      async () => {
        const batch = await judged<Batch>('Batch', send(`/v1/batches/${id}`));
        expect(batch.status).toBe(status);
        return batch;
      },
      { timeout: 15_000 },
    );

  async function linesOf(fileId: string): Promise<{ response: { body: unknown } }[]> {
    await judged('FileObject', send(`/v1/files/${fileId}`));
    const text = await (await send(`/v1/files/${fileId}/content`)).text();
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { response: { body: unknown } });
  }

  it.each(Object.entries(endpoints))('of %s, with what their lines are answered', async (url, asked) => {
    const { type, body } = asked;
    const toLine = (custom_id: string, changes: object) => ({
      custom_id,
      method: 'POST',
      url,
      body: { ...body, ...changes },
    });
    const lines = [toLine('good', {}), toLine('bad', { user: 7, input: 5, messages: 5, prompt: {} })];
    const { id } = await create(url, lines, { metadata: { run: 'nightly' } });
    const done = await until(id, 'completed');

    expect(done).toMatchObject({ request_counts: { total: 2, completed: 1, failed: 1 } });
    const [good] = await linesOf(done.output_file_id);
    expect(spec.violations(type, good?.response.body)).toEqual([]);
    const [bad] = await linesOf(done.error_file_id);
    expect(spec.violations('ErrorResponse', bad?.response.body)).toEqual([]);
  });

  it('that fail, are cancelled, and are listed', async () => {
    const failed = await create('/v1/completions', [{ custom_id: 'a' }]);
    expect(await until(failed.id, 'failed')).toHaveProperty('errors.data.0.line', 1);

    const line = {
      custom_id: 'a',
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model: scriptedModel, messages: [{ role: 'user', content: 'Talk for ever.' }] },
    };
    const running = await create('/v1/chat/completions', [line]);
    await until(running.id, 'in_progress');
    const left = await judged<Batch>('Batch', send(`/v1/batches/${running.id}/cancel`, {}));
    expect(left.status).toMatch(/^cancell(ing|ed)$/);
    await until(running.id, 'cancelled');

    const first = await judged('ListBatchesResponse', send('/v1/batches?limit=1'));
    expect(first).toMatchObject({ has_more: true });
    await judged('ListBatchesResponse', send('/v1/batches'));
    await judged('ListBatchesResponse', send('/v1/batches?after=batch_0'));
  });

  it.each<[string, string, unknown, number]>([
    ['a file that is not there', '', { input_file_id: 'file-x' }, 400],
    ['an endpoint that batches do not have', '', { input_file_id: 'x', endpoint: '/v1/models' }, 400],
    ['a batch that is not there', '/batch_x', undefined, 404],
    ['the end of a batch that is not there', '/batch_x/cancel', {}, 404],
  ])('the error of %s', async (_name, route, body, status) => {
    const sent = body && { endpoint: '/v1/completions', completion_window: '24h', ...body };
    await judged('ErrorResponse', send(`/v1/batches${route}`, sent), status);
  });
});
