import { toFile } from 'openai';
import type OpenAI from 'openai';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, tokenIdOf } from '../../support/workerScripts.js';

const words = Array.from({ length: 12 }, (_, index) => `w${index} `);

async function createBatch(client: OpenAI, bodies: readonly object[]): Promise<string> {
  const lines = bodies.map((body, index) =>
    JSON.stringify({ custom_id: `line ${index}`, method: 'POST', url: '/v1/chat/completions', body }),
  );
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
    purpose: 'batch',
  });
  const endpoint = '/v1/chat/completions';
  return (await client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h' })).id;
}

interface Line {
  readonly response: { readonly body: OpenAI.ChatCompletion };
}

async function answersOf(client: OpenAI, id: string): Promise<OpenAI.ChatCompletion[]> {
  const batch = await eventually(
    async () => {
      const found = await client.batches.retrieve(id);
      expect(found.status).toBe('completed');
      return found;
    },
    { timeout: 60_000 },
  );
  const text = await (await client.files.content(batch.output_file_id ?? '')).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as Line).response.body);
}

it('a line of a batch is paused for a request that waits, and goes on behind what it had said', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(words, { gate, tokensBeforeGate: 4 }) }],
  });
  const { client, workers } = cluster;
  const body = { model: 'test-model', messages: [{ role: 'user', content: 'line' }] };
  const batch = await createBatch(client, [body]);
  await eventually(() => expect(workers[0]?.requests).toHaveLength(1));

  workers[0]?.answerNext(answer(['quick']));
  const urgent = await client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi' }],
  });
  expect(urgent.choices[0]?.message.content).toBe('quick');

  gate.open();
  const [completion] = await answersOf(client, batch);
  expect(completion?.choices[0]).toMatchObject({
    message: { content: words.join('') },
    finish_reason: 'stop',
  });
  expect(completion?.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: words.length });

  const [begun, between, resumed] = workers[0]?.requests ?? [];
  expect(between?.requestId).not.toBe(begun?.requestId);
  expect(resumed).toStrictEqual({ ...begun, resumeTokens: [0, 1, 2, 3].map(tokenIdOf) });
  expect(workers[0]?.aborts).toEqual([begun?.requestId]);
  const logged = cluster.log.entries().find(({ message }) => message === 'batch line');
  expect(logged).toMatchObject({ attempts: 1, completionTokens: words.length, outcome: 'success' });
  expect(cluster.log.entries().filter(({ message }) => message === 'attempt failed')).toEqual([]);
  expect(await cluster.metrics()).toContain('ai_cluster_queue_pauses_total{model="test-model"} 1');
}, 60_000);

it('a request that could not be had back keeps its slot', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a', 'b'], { gate, tokensBeforeGate: 1 }) }],
    controller: { queueTimeoutMs: 3_000 },
  });
  const create = () =>
    cluster.client.chat.completions.create({
      model: 'test-model',
      messages: [{ role: 'user', content: 'Hi' }],
    });
  const first = create();
  await eventually(() => expect(cluster.workers[0]?.slotsBusy()).toBe(1));
  await expect(create()).rejects.toMatchObject({ status: 504 });
  gate.open();
  expect((await first).choices[0]?.message.content).toBe('ab');
  expect(cluster.workers[0]?.aborts).toEqual([]);
});

let real: RealCluster | undefined;
afterEach(async () => {
  await real?.close();
  real = undefined;
});

it('leaves no trace in what a real worker generates', async () => {
  real = await startRealCluster({ queueTimeoutMs: 60_000 });
  const { client } = real;
  const bodies = ['one', 'two'].map((content) => ({
    model: 'tiny',
    messages: [{ role: 'user' as const, content }],
    temperature: 0,
    max_tokens: 1_800,
  }));
  const undisturbed = await Promise.all(bodies.map((body) => client.chat.completions.create(body)));

  const batch = await createBatch(client, bodies);
  const metrics = real.metrics;
  const pauses = async () =>
    Number(/ai_cluster_queue_pauses_total\{model="tiny"\} (\d+)/.exec(await metrics())?.[1]);
  let isOver = false;
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const disturb = async () => {
    while (!isOver && (await pauses()) < 3)
      await client.chat.completions.create({ model: 'tiny', messages, max_tokens: 20 });
  };
  const disturbances = Promise.all([disturb(), disturb()]);
  const answers = await answersOf(client, batch).finally(() => (isOver = true));
  await disturbances;

  expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(
    undisturbed.map(({ choices }) => choices[0]?.message.content),
  );
  expect(answers.map(({ usage }) => usage?.completion_tokens)).toEqual([1_800, 1_800]);
  expect(await pauses()).toBeGreaterThan(0);
}, 120_000);
