import type OpenAI from 'openai';
import { toFile } from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import { resultsOf } from '../../support/batchResults.js';
import { eventually } from '../../support/eventually.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { startTestCluster, testControllerOptions } from '../../support/testCluster.js';
import { answer, refuse } from '../../support/workerScripts.js';

const chat = '/v1/chat/completions';
type Endpoint = OpenAI.BatchCreateParams['endpoint'];

const chatBody = (content: string) => ({ model: 'test-model', messages: [{ role: 'user', content }] });
const toLine = (custom_id: string, body: object, url = chat) => ({ custom_id, method: 'POST', url, body });
const chatLines = (...ids: string[]) => ids.map((id) => toLine(id, chatBody(`prompt of ${id}`)));

async function upload(client: OpenAI, lines: readonly object[]): Promise<string> {
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  return (await client.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' }))
    .id;
}

async function createBatch(client: OpenAI, lines: readonly object[], endpoint: Endpoint = chat) {
  const input_file_id = await upload(client, lines);
  return client.batches.create({ input_file_id, endpoint, completion_window: '24h' });
}

function until(client: OpenAI, id: string, status: OpenAI.Batch['status']): Promise<OpenAI.Batch> {
  return eventually(
    async () => {
      const batch = await client.batches.retrieve(id);
      expect(batch.status).toBe(status);
      return batch;
    },
    { timeout: 15_000 },
  );
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

it('a batch goes from its file to an output and an error file, and its lines are counted and logged', async () => {
  const cluster = await startTestCluster();
  const { client, log } = cluster;
  const lines = [
    ...chatLines('one', 'two'),
    toLine('hot', { ...chatBody('c4n4ry'), temperature: 9 }),
    toLine('n', { ...chatBody('several'), n: 2 }),
  ];
  const input_file_id = await upload(client, lines);
  const created = await client.batches.create({
    input_file_id,
    endpoint: chat,
    completion_window: '24h',
    metadata: { run: 'nightly' },
    output_expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  expect(created).toEqual({
    id: expect.stringMatching(/^batch_/) as string,
    object: 'batch',
    endpoint: chat,
    errors: null,
    input_file_id,
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: expect.any(Number) as number,
    in_progress_at: null,
    expires_at: created.created_at + 86_400,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    metadata: { run: 'nightly' },
  });

  const batch = await until(client, created.id, 'completed');
  expect(batch.request_counts).toEqual({ total: 4, completed: 3, failed: 1 });
  for (const time of [batch.in_progress_at, batch.finalizing_at, batch.completed_at])
    expect(time).toBeGreaterThanOrEqual(batch.created_at);

  const output = await resultsOf(client, batch.output_file_id);
  expect(output.map(({ custom_id }) => custom_id)).toEqual(['one', 'two', 'n']);
  expect(output[0]).toMatchObject({
    id: expect.stringMatching(/^batch_req_/) as string,
    response: {
      status_code: 200,
      request_id: expect.stringMatching(/^req_/) as string,
      body: { object: 'chat.completion', choices: [{ message: { content: 'Hello world' } }] },
    },
    error: null,
  });
  expect(output[2]?.response?.body['choices']).toHaveLength(2);
  expect(await resultsOf(client, batch.error_file_id)).toMatchObject([
    {
      custom_id: 'hot',
      response: {
        status_code: 400,
        body: { error: { param: 'temperature', code: 'decimal_above_max_value' } },
      },
      error: null,
    },
  ]);
  const outputFile = await client.files.retrieve(batch.output_file_id ?? '');
  expect(outputFile).toMatchObject({ purpose: 'batch_output', filename: `${batch.id}_output.jsonl` });
  expect(outputFile.expires_at).toBe(outputFile.created_at + 3600);

  const logged = log.entries().filter(({ message }) => message === 'batch line');
  expect(logged).toHaveLength(4);
  expect(logged).toContainEqual(
    expect.objectContaining({
      requestId: output[0]?.response?.request_id,
      batchId: batch.id,
      path: chat,
      status: 200,
      model: 'test-model',
      keyId: 'anonymous',
      nodeId: 'worker_1',
      outcome: 'success',
      completionTokens: 4,
    }),
  );
  expect(log.text()).not.toContain('c4n4ry');
  expect(log.text()).not.toContain('prompt of');
  const metrics = await cluster.metrics();
  expect(metrics).toContain('ai_cluster_inference_requests_total{model="test-model",status="success"} 3');
  expect(metrics).toContain('ai_cluster_inference_requests_total{model="unknown",status="rejected"} 1');
});

it('completions run in batches as well', async () => {
  const { client, workers } = await startTestCluster();
  const lines = ['a', 'b'].map((id) =>
    toLine(id, { model: 'test-model', prompt: `say ${id}` }, '/v1/completions'),
  );
  const { id } = await createBatch(client, lines, '/v1/completions');
  const batch = await until(client, id, 'completed');
  const bodies = (await resultsOf(client, batch.output_file_id)).map(({ response }) => response?.body);
  expect(bodies).toMatchObject([{ object: 'text_completion' }, { object: 'text_completion' }]);
  expect(workers[0]?.requests.map(({ principal }) => principal.priority)).toEqual([-1, -1]);
});

it('requests of clients go first: a batch takes the slots that they leave', async () => {
  const { client, workers } = await startTestCluster({ workers: [{ slots: 1 }] });
  const worker = workers[0];
  const gate = createTokenGate();
  if (worker) worker.script = answer(['x'], { gate });
  const { id } = await createBatch(client, chatLines('b1', 'b2', 'b3'));
  await eventually(() => expect(worker?.requests).toHaveLength(1));

  const asked = ['c1', 'c2'].map((content) =>
    client.chat.completions.create({ model: 'test-model', messages: [{ role: 'user', content }] }),
  );
  await eventually(async () => {
    const { body } = await request(`${client.baseURL.replace('/v1', '')}/cluster/status`);
    expect(await body.json()).toMatchObject({ queue: { waiting: 2 } });
  });
  gate.open();
  await Promise.all(asked);
  await until(client, id, 'completed');
  const contents = worker?.requests.map((asks) => asks.kind === 'chat' && asks.messages[0]?.content);
  expect(contents?.slice(0, 3)).toEqual(['prompt of b1', 'c1', 'c2']);
});

it('a full queue is waited out, and counts as no failure', async () => {
  const { client, workers } = await startTestCluster({
    workers: [{ slots: 1 }],
    controller: { queueLimit: 0 },
  });
  const gate = createTokenGate();
  workers[0]?.answerNext(answer(['x'], { gate }));
  const asked = client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'first' }],
  });
  await eventually(() => expect(workers[0]?.requests).toHaveLength(1));
  const { id } = await createBatch(client, chatLines('a'));
  const running = await until(client, id, 'in_progress');
  expect(running.request_counts).toEqual({ total: 1, completed: 0, failed: 0 });
  gate.open();
  await asked;
  expect((await until(client, id, 'completed')).request_counts).toEqual({
    total: 1,
    completed: 1,
    failed: 0,
  });
});

it('the counts are right at every moment', async () => {
  const { client, workers } = await startTestCluster();
  const gate = createTokenGate();
  const bad = refuse('invalid_prompt', { retryable: false });
  if (workers[0])
    workers[0].script = async (call) => {
      await gate.pass(call.signal);
      const isBad = call.request.kind === 'chat' && call.request.messages[0]?.content.includes('bad');
      return isBad ? bad(call) : answer(['x'])(call);
    };
  const { id } = await createBatch(client, chatLines('a', 'bad', 'b', 'c'));
  for (const finished of [0, 1, 2, 3]) {
    await eventually(async () => {
      const { status, request_counts: counts } = await client.batches.retrieve(id);
      expect(status).toBe('in_progress');
      expect(counts?.total).toBe(4);
      expect((counts?.completed ?? 0) + (counts?.failed ?? 0)).toBe(finished);
    });
    gate.open(1);
  }
  expect((await until(client, id, 'completed')).request_counts).toEqual({
    total: 4,
    completed: 3,
    failed: 1,
  });
});

it('cancelling aborts what runs at the worker and keeps what is finished', async () => {
  const { client, workers } = await startTestCluster({ workers: [{ slots: 2 }] });
  const gate = createTokenGate();
  workers[0]?.answerNext(answer(['done']));
  if (workers[0]) workers[0].script = answer(['never'], { gate });
  const { id } = await createBatch(client, chatLines('a', 'b', 'c', 'd'));
  await eventually(async () => expect((await client.batches.retrieve(id)).request_counts?.completed).toBe(1));
  await eventually(() => expect(workers[0]?.slotsBusy()).toBe(2));

  const cancelling = await client.batches.cancel(id);
  expect(cancelling).toMatchObject({ status: 'cancelling', cancelled_at: null });
  expect(cancelling.cancelling_at).toBeGreaterThanOrEqual(cancelling.created_at);
  const batch = await until(client, id, 'cancelled');
  expect(batch.request_counts).toEqual({ total: 4, completed: 1, failed: 0 });
  expect(await resultsOf(client, batch.output_file_id)).toHaveLength(1);
  await eventually(() => expect(workers[0]?.aborts).toHaveLength(2));
  expect(workers[0]?.slotsBusy()).toBe(0);
  expect(workers[0]?.requests).toHaveLength(3);

  expect((await client.batches.cancel(id)).status).toBe('cancelled');
});

it('a file with bad lines fails with their numbers, and nothing of it runs', async () => {
  const { client, workers } = await startTestCluster();
  const lines = [
    ...chatLines('a', 'a'),
    toLine('b', chatBody('x'), '/v1/completions'),
    toLine('c', { ...chatBody('x'), stream: true }),
    toLine('d', { ...chatBody('x'), model: 'nope' }),
  ];
  const batch = await until(client, (await createBatch(client, lines)).id, 'failed');
  expect(batch.errors?.object).toBe('list');
  expect(batch.errors?.data?.map(({ line, code }) => [line, code])).toEqual([
    [2, 'duplicate_custom_id'],
    [3, 'url_mismatch'],
    [4, 'invalid_value'],
    [5, 'model_not_found'],
  ]);
  expect(batch.failed_at).toBeGreaterThanOrEqual(batch.created_at);
  expect(batch.in_progress_at).toBeNull();
  expect(workers[0]?.requests).toEqual([]);
  expect(await failureOf(client.batches.cancel(batch.id))).toMatchObject({
    status: 400,
    message: "400 Cannot cancel a batch with status 'failed'.",
  });
});

it('a restart of the controller in the middle repeats only what was in flight', async () => {
  const { dataDir } = testControllerOptions;
  const first = await startTestCluster({ workers: [{ slots: 2 }], controller: { dataDir } });
  const gate = createTokenGate();
  first.workers[0]?.answerNext(answer(['1']), answer(['2']));
  if (first.workers[0]) first.workers[0].script = answer(['never'], { gate });
  const { id } = await createBatch(first.client, chatLines('a', 'b', 'c', 'd', 'e'));
  await eventually(async () =>
    expect((await first.client.batches.retrieve(id)).request_counts?.completed).toBe(2),
  );
  await eventually(() => expect(first.workers[0]?.requests).toHaveLength(4));
  await first.close();

  // Its worker joins later than the batch is taken up, and with a model that is not configured.
  const second = await startTestCluster({ controller: { dataDir, models: [] } });
  const batch = await until(second.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 5, completed: 5, failed: 0 });
  const contents = second.workers[0]?.requests.map(
    (asks) => asks.kind === 'chat' && asks.messages[0]?.content,
  );
  expect(contents?.toSorted()).toEqual(['prompt of c', 'prompt of d', 'prompt of e']);
  const ids = (await resultsOf(second.client, batch.output_file_id)).map(({ custom_id }) => custom_id);
  expect(ids).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it("the client's pager goes through all batches, the newest first", async () => {
  const { client } = await startTestCluster();
  expect((await client.batches.list()).data).toEqual([]);
  const ids: string[] = [];
  for (let count = 0; count < 5; count++) ids.unshift((await createBatch(client, chatLines('a'))).id);
  const found: string[] = [];
  for await (const { id } of client.batches.list({ limit: 2 })) found.push(id);
  expect(found).toEqual(ids);
  const { data } = await client.batches.list({ limit: 1, after: ids[2] ?? '' });
  expect(data.map(({ id }) => id)).toEqual([ids[3]]);
});

it('the input of a batch that runs cannot be deleted', async () => {
  const { client, workers } = await startTestCluster();
  const gate = createTokenGate();
  if (workers[0]) workers[0].script = answer(['x'], { gate });
  const { id, input_file_id: fileId } = await createBatch(client, chatLines('a'));
  const error = await failureOf(client.files.delete(fileId));
  expect(error).toMatchObject({ status: 400, message: expect.stringContaining(id) as string });
  gate.open();
  await until(client, id, 'completed');
  expect((await client.files.delete(fileId)).deleted).toBe(true);
});

it.each([
  ['an endpoint that batches cannot ask', { endpoint: '/v1/moderations' }, 'invalid_value', 'endpoint'],
  ['no endpoint', { endpoint: undefined }, 'missing_required_parameter', 'endpoint'],
  ['another window', { completion_window: '1h' }, 'invalid_value', 'completion_window'],
  ['an unknown file', { input_file_id: 'file-nope' }, 'invalid_value', 'input_file_id'],
  ['metadata that is no text', { metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
  [
    'a life of the output that is too short',
    { output_expires_after: { anchor: 'created_at', seconds: 1 } },
    'integer_below_min_value',
    'output_expires_after.seconds',
  ],
])('%s is refused', async (_what, fields, code, param) => {
  const { client } = await startTestCluster();
  const input_file_id = await upload(client, chatLines('a'));
  const body = { input_file_id, endpoint: chat, completion_window: '24h', ...fields };
  expect(await failureOf(client.batches.create(body as OpenAI.BatchCreateParams))).toMatchObject({
    status: 400,
    code,
    param,
  });
});

it('a file of another purpose is refused, and so is a batch that is not there', async () => {
  const { client } = await startTestCluster();
  const file = await client.files.create({ file: await toFile(Buffer.from('{}'), 'a'), purpose: 'evals' });
  const create = client.batches.create({ input_file_id: file.id, endpoint: chat, completion_window: '24h' });
  expect(await failureOf(create)).toMatchObject({ status: 400, param: 'input_file_id' });
  for (const call of [client.batches.retrieve('batch_x'), client.batches.cancel('batch_x')]) {
    expect(await failureOf(call)).toMatchObject({
      status: 404,
      param: 'id',
      message: '404 No such Batch object: batch_x',
    });
  }
});
