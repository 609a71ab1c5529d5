import type OpenAI from 'openai';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { scriptedModel } from '../../support/liveCluster.js';
import { collect, rejection, user, type Behaviour, type Stage } from './behaviour.js';

const endpoint = '/v1/chat/completions';

const chatLine = (custom_id: string, content: string, more: object = {}) => ({
  custom_id,
  method: 'POST',
  url: endpoint,
  body: { model: scriptedModel, messages: user(content), ...more },
});

async function create(
  { client, toFile }: Stage,
  lines: readonly object[],
  more: Partial<OpenAI.BatchCreateParams> = {},
): Promise<OpenAI.Batch> {
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const file = await toFile(Buffer.from(text), 'in.jsonl');
  const { id } = await client.files.create({ file, purpose: 'batch' });
  return client.batches.create({ input_file_id: id, endpoint, completion_window: '24h', ...more });
}

const until = (client: OpenAI, id: string, status: OpenAI.Batch['status']): Promise<OpenAI.Batch> =>
  eventually(
    async () => {
      const batch = await client.batches.retrieve(id);
      expect(batch.status).toBe(status);
      return batch;
    },
    { timeout: 20_000, interval: 50 },
  );

interface Result {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: unknown };
}

async function resultsOf(client: OpenAI, fileId = ''): Promise<Map<string, Result['response']>> {
  const text = await (await client.files.content(fileId)).text();
  const results = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Result);
  return new Map(results.map(({ custom_id, response }) => [custom_id, response]));
}

export const batches: readonly Behaviour[] = [
  {
    name: 'runs a batch from its file to its output, and reads what each line was answered',
    async run(stage) {
      const { client } = stage;
      const lines = [
        chatLine('hello', 'Say hello.'),
        chatLine('real', 'Hello', { model: 'tiny', max_tokens: 4 }),
        chatLine('hot', 'Say hello.', { temperature: 9 }),
      ];
      const created = await create(stage, lines, { metadata: { run: 'nightly' } });
      expect(created).toMatchObject({ object: 'batch', endpoint, metadata: { run: 'nightly' } });
      const done = await until(client, created.id, 'completed');
      expect(done.request_counts).toEqual({ total: 3, completed: 2, failed: 1 });

      const results = await resultsOf(client, done.output_file_id);
      const hello = results.get('hello')?.body as OpenAI.ChatCompletion;
      expect(hello.choices[0]?.message.content).toBe('Hello wörld 🦙');
      expect((results.get('real')?.body as OpenAI.ChatCompletion).usage?.completion_tokens).toBe(4);
      const failures = await resultsOf(client, done.error_file_id);
      expect(failures.get('hot')).toMatchObject({
        status_code: 400,
        body: { error: { code: 'decimal_above_max_value', param: 'temperature' } },
      });
      expect((await client.files.retrieve(done.output_file_id ?? '')).purpose).toBe('batch_output');
    },
  },
  {
    name: 'runs a batch of embeddings and one of responses',
    async run(stage) {
      const asked = {
        '/v1/embeddings': { model: 'tiny-embedding', input: 'robot' },
        '/v1/responses': { model: scriptedModel, input: 'Say hello.' },
      } as const;
      const bodies: unknown[] = [];
      for (const [url, body] of Object.entries(asked)) {
        const line = { custom_id: 'a', method: 'POST', url, body };
        const { id } = await create(stage, [line], { endpoint: url as keyof typeof asked });
        const done = await until(stage.client, id, 'completed');
        bodies.push((await resultsOf(stage.client, done.output_file_id)).get('a')?.body);
      }
      const [embedded, answered] = bodies as [OpenAI.CreateEmbeddingResponse, OpenAI.Responses.Response];
      // Nobody decodes what is in a file.
      expect(embedded.data[0]?.embedding).toContainEqual(expect.any(Number));
      expect(answered).toMatchObject({ object: 'response', status: 'completed' });
    },
  },
  {
    name: 'is told which lines of a batch cannot be run',
    async run(stage) {
      const { id } = await create(stage, [chatLine('a', 'Hi'), { ...chatLine('b', 'Hi'), url: '/v1/nope' }]);
      const failed = await until(stage.client, id, 'failed');
      expect(failed.errors?.data).toMatchObject([{ line: 2, code: expect.any(String) as string }]);
      expect(failed.output_file_id ?? null).toBeNull();
    },
  },
  {
    name: 'cancels a batch that runs',
    async run(stage) {
      const { client, OpenAI } = stage;
      const { id } = await create(stage, [chatLine('a', 'Talk for ever.')]);
      await until(client, id, 'in_progress');
      expect((await client.batches.cancel(id)).status).toMatch(/^cancell(ing|ed)$/);
      const cancelled = await until(client, id, 'cancelled');
      expect(cancelled.cancelled_at).toBeGreaterThan(0);

      const done = await create(stage, [chatLine('a', 'Say hello.')]);
      await until(client, done.id, 'completed');
      const error = await rejection(client.batches.cancel(done.id));
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({ param: 'id' });
    },
  },
  {
    name: 'lists batches page by page, and through all pages at once',
    async run(stage) {
      const { client } = stage;
      const ids: string[] = [];
      for (const name of ['a', 'b', 'c']) ids.unshift((await create(stage, [chatLine(name, 'Hi')])).id);
      const page = await client.batches.list({ limit: 2 });
      expect(page.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
      expect((await page.getNextPage()).data[0]?.id).toBe(ids[2]);
      const all = await collect(client.batches.list({ limit: 2 }));
      expect(all.slice(0, 3).map(({ id }) => id)).toEqual(ids);
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
      for (const id of ids) await until(client, id, 'completed');
    },
  },
];
