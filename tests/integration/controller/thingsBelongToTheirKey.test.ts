import OpenAI, { toFile } from 'openai';
import { describe, expect, it } from 'vitest';
import type { KeyStore } from '../../../src/stores/keyStore.js';
import { resultsOf } from '../../support/batchResults.js';
import { eventually } from '../../support/eventually.js';
import type { FakeWorkerOptions } from '../../support/fakeWorker.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const endpoint = '/v1/chat/completions';
const messages = [{ role: 'user' as const, content: 'Hi' }];
const lineOf = (custom_id: string, model = 'test-model') =>
  JSON.stringify({ custom_id, method: 'POST', url: endpoint, body: { model, messages } });

/** A cluster with two clients, each with a key of its own. */
async function startForTwo(workers: FakeWorkerOptions[] = [{}]) {
  const keys = temporaryKeys();
  const [mine, theirs] = [keys.create({ name: 'mine' }), keys.create({ name: 'theirs' })];
  const cluster = await startTestCluster({ workers, controller: { dataDir: keys.dataDir } });
  const clientOf = ({ text }: { text: string }) =>
    new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: text, maxRetries: 0 });
  return { cluster, keys, mine, theirs, me: clientOf(mine), them: clientOf(theirs) };
}

async function upload(client: OpenAI, ...lines: string[]): Promise<string> {
  const file = await toFile(Buffer.from(lines.join('\n')), 'in.jsonl');
  return (await client.files.create({ file, purpose: 'batch' })).id;
}

async function createBatch(client: OpenAI, ...lines: string[]): Promise<string> {
  const input_file_id = await upload(client, ...lines);
  return (await client.batches.create({ input_file_id, endpoint, completion_window: '24h' })).id;
}

async function until(client: OpenAI, id: string, status: OpenAI.Batch['status']): Promise<OpenAI.Batch> {
  return eventually(
    async () => {
      const batch = await client.batches.retrieve(id);
      expect(batch).toMatchObject({ status });
      return batch;
    },
    { timeout: 15_000 },
  );
}

const statusOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 200,
    (error: unknown) => (error as { status?: number }).status,
  );

it('a file is seen, read, deleted and used by nobody but the key that uploaded it', async () => {
  const { me, them } = await startForTwo();
  const id = await upload(me, lineOf('a'));
  const other = await upload(them, lineOf('b'));

  expect((await me.files.list()).data.map((file) => file.id)).toEqual([id]);
  expect((await them.files.list()).data.map((file) => file.id)).toEqual([other]);
  const attempts = (client: OpenAI) => [
    client.files.retrieve(id),
    client.files.content(id),
    client.files.delete(id),
    client.batches.create({ input_file_id: id, endpoint, completion_window: '24h' }),
  ];
  expect(await Promise.all(attempts(them).map(statusOf))).toEqual([404, 404, 404, 400]);
  // As if there were none.
  const messageOf = (promise: Promise<unknown>) =>
    promise.catch((error: unknown) => (error as Error).message);
  const foreign = await messageOf(them.files.retrieve(id));
  expect(foreign).toBe(String(await messageOf(them.files.retrieve('file-x'))).replace('file-x', id));
  expect(await statusOf(me.files.retrieve(id))).toBe(200);
  expect(await (await me.files.content(id)).text()).toBe(lineOf('a'));
});

it('a batch is seen and cancelled by nobody else, and what it made is its key’s', async () => {
  const gate = createTokenGate();
  const { me, them } = await startForTwo([{ script: answer(['a'], { gate }) }]);
  const id = await createBatch(me, lineOf('a'));
  const other = await createBatch(them, lineOf('b'));
  expect((await me.batches.list()).data.map((batch) => batch.id)).toEqual([id]);
  expect((await them.batches.list()).data.map((batch) => batch.id)).toEqual([other]);
  expect(await statusOf(them.batches.retrieve(id))).toBe(404);
  expect(await statusOf(them.batches.cancel(id))).toBe(404);
  gate.open();
  const batch = await until(me, id, 'completed');
  expect((await resultsOf(me, batch.output_file_id)).map(({ custom_id }) => custom_id)).toEqual(['a']);
  expect(await statusOf(them.files.content(batch.output_file_id ?? ''))).toBe(404);
  expect((await them.files.list()).data.map(({ id }) => id)).not.toContain(batch.output_file_id);
});

it('a stored response is seen and gone on from by nobody else', async () => {
  const { me, them } = await startForTwo();
  const { id } = await me.responses.create({ model: 'test-model', input: 'Hi' });
  expect(await statusOf(me.responses.retrieve(id))).toBe(200);
  expect(await statusOf(them.responses.retrieve(id))).toBe(404);
  expect(await statusOf(them.responses.delete(id))).toBe(404);
  expect(await statusOf(them.responses.inputItems.list(id))).toBe(404);
  const next = { model: 'test-model', input: 'And?', previous_response_id: id };
  expect(await statusOf(them.responses.create(next))).toBe(400);
  expect(await statusOf(me.responses.create(next))).toBe(200);
});

it('a rotated key has what it had, and what was made without a key is nobody’s', async () => {
  const keys = temporaryKeys();
  const cluster = await startTestCluster({ controller: { dataDir: keys.dataDir } });
  const open = await upload(cluster.client, lineOf('a'));
  const { key, text } = keys.create();
  const clientWith = (apiKey: string) => new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey, maxRetries: 0 });
  await eventually(async () => expect(await statusOf(cluster.client.files.list())).toBe(401));
  const id = await upload(clientWith(text), lineOf('a'));
  const rotated = keys.store.rotate(key.id);
  const again = clientWith(typeof rotated === 'string' ? '' : rotated.text);
  await eventually(async () => expect((await again.files.list()).data.map((file) => file.id)).toEqual([id]));
  expect(await statusOf(again.files.retrieve(open))).toBe(404);
});

describe('the lines of a batch', () => {
  it('run with what their key is at that moment', async () => {
    const { cluster, keys, mine, me } = await startForTwo();
    keys.store.update(mine.key.id, { weight: 7, priority: 'interactive', cacheSharing: 'all' });
    const id = await createBatch(me, lineOf('a'));
    await until(me, id, 'completed');
    expect(cluster.workers[0]?.requests[0]?.principal).toMatchObject({ keyId: mine.key.id, priority: -1 });
    await eventually(async () => {
      const next = await createBatch(me, lineOf('b'));
      await until(me, next, 'completed');
      const last = cluster.workers[0]?.requests.at(-1);
      expect(last?.principal).toEqual({
        keyId: mine.key.id,
        weight: 7,
        priority: -1,
        cacheNamespace: 'shared',
      });
    });
  });

  it('cannot ask for models that their key may not use', async () => {
    const { keys, cluster, me, mine } = await startForTwo([{}, { models: ['other'] }]);
    keys.store.update(mine.key.id, { models: ['other'] });
    await eventually(async () => expect((await me.models.list()).data).toHaveLength(1));
    const id = await createBatch(me, lineOf('a', 'other'), lineOf('b', 'test-model'));
    const failed = await until(me, id, 'failed');
    expect(failed.errors?.data).toEqual([expect.objectContaining({ code: 'model_not_found', line: 2 })]);
    expect(cluster.workers[0]?.requests).toEqual([]);
    await until(me, await createBatch(me, lineOf('c', 'other')), 'completed');
  });

  it.each([
    ['disabled', (store: KeyStore, id: string) => store.disable(id)],
    ['revoked', (store: KeyStore, id: string) => store.revoke(id)],
    ['expired', (store: KeyStore, id: string) => store.update(id, { expiresAt: '2020-01-01T00:00:00Z' })],
  ])('fail when their key is %s, and those of others do not wait for them', async (_what, stop) => {
    const gate = createTokenGate();
    const { cluster, keys, mine, me, them } = await startForTwo([
      { slots: 1, script: answer(['a'], { gate }) },
    ]);
    await createBatch(me, lineOf('a'), lineOf('b'));
    await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));
    stop(keys.store, mine.key.id);
    await eventually(async () => expect(await statusOf(me.models.list())).toBe(401));
    gate.open();
    await until(them, await createBatch(them, lineOf('c')), 'completed');
    await eventually(() => {
      expect(cluster.log.entries()).toContainEqual(
        expect.objectContaining({ message: 'batch line', status: 401, error: 'invalid_api_key' }),
      );
    });
    const askedFor = cluster.workers[0]?.requests.map(({ principal }) => principal.keyId) ?? [];
    expect(askedFor.filter((id) => id === mine.key.id)).toHaveLength(1);
  });
});
