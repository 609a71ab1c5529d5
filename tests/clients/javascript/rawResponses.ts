import type { APIPromise } from 'openai';
import { expect } from 'vitest';
import { scriptedModel } from '../../support/liveCluster.js';
import { tinyChat, tinyResponse, user, type Behaviour, type Stage } from './behaviour.js';

function expectHeaders(headers: Headers): void {
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
  expect(headers.get('openai-version')).toBe('2020-10-01');
}

type Asked = APIPromise<unknown>;

/** A call of every endpoint that answers JSON, in an order in which each has what it needs. */
async function* callsOf({ client, toFile }: Stage): AsyncGenerator<[name: string, asked: Asked]> {
  yield ['chat', client.chat.completions.create(tinyChat)];
  yield ['completion', client.completions.create({ model: 'tiny', prompt: 'Hi', max_tokens: 4 })];
  yield ['embeddings', client.embeddings.create({ model: 'tiny-embedding', input: 'Hi' })];
  yield ['models', client.models.list()];
  yield ['model', client.models.retrieve('tiny')];

  const { id } = await client.responses.create(tinyResponse);
  yield ['response', client.responses.create(tinyResponse)];
  yield ['stored response', client.responses.retrieve(id)];
  yield ['input items', client.responses.inputItems.list(id)];
  yield ['input tokens', client.responses.inputTokens.count({ model: 'tiny', input: 'Hi' })];

  const file = await toFile(Buffer.from('{}'), 'in.jsonl');
  const { id: fileId } = await client.files.create({ file, purpose: 'batch' });
  yield ['upload', client.files.create({ file, purpose: 'batch' })];
  yield ['files', client.files.list({ limit: 1 })];
  yield ['file', client.files.retrieve(fileId)];
  const batch = { input_file_id: fileId, endpoint: '/v1/completions', completion_window: '24h' } as const;
  const { id: batchId } = await client.batches.create(batch);
  yield ['new batch', client.batches.create(batch)];
  yield ['batches', client.batches.list({ limit: 1 })];
  yield ['batch', client.batches.retrieve(batchId)];
}

export const rawResponses: readonly Behaviour[] = [
  {
    name: 'reads the headers of every answer beside it',
    async run(stage) {
      for await (const [name, asked] of callsOf(stage)) {
        const { data, response, request_id: requestId } = await asked.withResponse();
        expectHeaders(response.headers);
        expect(response.headers.get('content-type'), name).toBe('application/json; charset=utf-8');
        expect(requestId, name).toBe(response.headers.get('x-request-id'));
        // Pages are objects of the client's own.
        if (!('getNextPage' in (data as object))) expect(data, name).toHaveProperty('_request_id', requestId);
      }
    },
  },
  {
    name: 'reads the headers of a download and of a deletion',
    async run({ client, toFile }) {
      const file = await toFile(Buffer.from('{}'), 'in.jsonl');
      const { id } = await client.files.create({ file, purpose: 'batch' });
      const { data, response } = await client.files.content(id).withResponse();
      expectHeaders(response.headers);
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      expect(await data.text()).toBe('{}');
      expectHeaders(
        await client.files
          .delete(id)
          .asResponse()
          .then(({ headers }) => headers),
      );
    },
  },
  {
    name: 'reads the headers of a stream, and the stream itself',
    async run({ client }) {
      const body = { model: scriptedModel, messages: user('Say hello.'), stream: true } as const;
      const { data, response } = await client.chat.completions.create(body).withResponse();
      expectHeaders(response.headers);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      let text = '';
      for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? '';
      expect(text).toBe('Hello wörld 🦙');

      const raw = await client.chat.completions.create(body).asResponse();
      expect(await raw.text()).toMatch(/data: \[DONE\]\n\n$/);
    },
  },
  {
    name: 'reads the headers of the stream of a response, and its last event',
    async run({ client }) {
      const body = { model: scriptedModel, input: 'Say hello.', stream: true } as const;
      const { response } = await client.responses.create(body).withResponse();
      expectHeaders(response.headers);
      const raw = await client.responses.create(body).asResponse();
      expect(raw.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(await raw.text()).toMatch(/event: response\.completed\ndata: \{.*\}\n\n$/);
    },
  },
];
