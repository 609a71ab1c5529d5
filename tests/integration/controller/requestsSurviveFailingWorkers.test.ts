import OpenAI from 'openai';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createWorkerClient } from '../../../src/controller/upstream/workerClient.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker, type Script } from '../../support/fakeWorker.js';
import { chunksOf, contentOf, dataOf, openSse } from '../../support/sseStream.js';
import { toRequest } from '../../support/generate.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import {
  answer,
  refuse,
  resetAfterHeaders,
  resetAtOnce,
  sendGarbage,
  stall,
  tokenIdOf,
} from '../../support/workerScripts.js';
import { testClusterToken } from '../../support/clusterToken.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
const tokens = ['one', ' two', '', ' three', ' four', ' five'];
const text = tokens.join('');
const failAfter = (afterTokens: number, run: Script = (call) => call.breakOff()) =>
  answer(tokens, { fault: { afterTokens, run } });

const isAttempt = (entry: Record<string, unknown>) => entry['message'] === 'attempt failed';
const attemptsOf = (cluster: TestCluster) =>
  cluster.workers.reduce((sum, { requests }) => sum + requests.length, 0);

async function readStream(cluster: TestCluster) {
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, {
    ...params,
    stream: true,
    stream_options: { include_usage: true },
  });
  return { status: stream.status, frames: await stream.rest() };
}

describe.each<[string, Script]>([
  ['resets the connection at once', resetAtOnce],
  ['resets the connection after the headers', resetAfterHeaders],
  ['ends the stream in order after the headers', (call) => (call.sendHeaders(), call.end())],
  ['resets the connection after it has accepted', failAfter(0, (call) => call.reset())],
  ['resets the connection after four tokens', failAfter(4, (call) => call.reset())],
  ['resets the connection after the last token', failAfter(6, (call) => call.reset())],
  ['closes the connection after it has accepted', failAfter(0)],
  ['closes the connection after one token', failAfter(1)],
  ['closes the connection after a token without text', failAfter(3)],
  ['closes the connection after four tokens', failAfter(4)],
  ['closes the connection after the last token', failAfter(6)],
  ['ends the stream in order after four tokens', failAfter(4, (call) => call.end())],
  [
    'gives up after four tokens',
    failAfter(4, (call) =>
      call.send({ type: 'error', code: 'engine_failed', message: 'scripted', retryable: true }),
    ),
  ],
  ['sends garbage after four tokens', failAfter(4, sendGarbage('<html>'))],
  ['sends an event of another protocol', sendGarbage('{"type":"hello"}')],
  ['has no free slot', refuse('no_free_slot', { retryable: true })],
  ['does not have the model', refuse('model_not_loaded', { retryable: true })],
  ['is about to leave', refuse('draining', { retryable: true })],
  ['fails with 500', refuse('engine_failed', { retryable: true })],
])('a worker that %s', (_name, fault) => {
  it('is not noticed in a stream: every token comes once', async () => {
    const cluster = await startTestCluster({
      workers: [{ script: answer(tokens) }, { script: answer(tokens) }],
    });
    cluster.workers[0]?.answerNext(fault);

    const { status, frames } = await readStream(cluster);

    expect(status).toBe(200);
    expect(contentOf(frames)).toBe(text);
    const chunks = chunksOf(frames);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content).filter(Boolean)).toStrictEqual(
      tokens.filter(Boolean),
    );
    expect(chunks.filter(({ choices }) => choices[0]?.delta.role)).toHaveLength(1);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6 });
    expect(cluster.workers.map(({ requests }) => requests.length)).toStrictEqual([1, 1]);
  });

  it('is not noticed in a JSON answer', async () => {
    const cluster = await startTestCluster({
      workers: [{ script: answer(tokens) }, { script: answer(tokens) }],
    });
    cluster.workers[0]?.answerNext(fault);

    const completion = await cluster.client.chat.completions.create(params);

    expect(completion.choices[0]?.message.content).toBe(text);
    expect(completion.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6 });
    const [first, second] = cluster.workers.map(({ requests }) => requests[0]);
    expect(second).toStrictEqual({ ...first, resumeTokens: second?.resumeTokens });
  });
});

it('hands the second worker exactly the tokens that the first has made', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: answer(tokens) }, { script: answer(tokens) }],
  });
  cluster.workers[0]?.answerNext(failAfter(4));

  await readStream(cluster);

  const [first, second] = cluster.workers.map(({ requests }) => requests[0]);
  expect(first?.resumeTokens).toStrictEqual([]);
  expect(second?.resumeTokens).toStrictEqual([0, 1, 2, 3].map(tokenIdOf));
  expect(second?.sampling.seed).toBe(first?.sampling.seed);
  expect(second?.requestId).toBe(first?.requestId);
});

it('tells the next workers how the first one has evaluated the prompt', async () => {
  const cluster = await startTestCluster({
    workers: Array.from({ length: 3 }, () => ({ script: answer(tokens) })),
  });
  const output = { type: 'output' as const, choice: 0, deltas: [] };
  const [first, second, third] = cluster.workers;
  first?.answerNext(async (call) => {
    await call.send({ type: 'accepted', promptTokens: 300, cachedTokens: 0 });
    await call.send({ ...output, tokenIds: [tokenIdOf(0)], splitBlocks: [1, 2] });
    await call.send({ ...output, tokenIds: [tokenIdOf(1)] });
    call.breakOff();
  });
  second?.answerNext(resetAfterHeaders);

  expect((await readStream(cluster)).status).toBe(200);

  expect(first?.requests[0]?.splitBlocks).toBeUndefined();
  for (const { requests } of [second, third].flatMap((worker) => worker ?? []))
    expect(requests[0]).toMatchObject({ resumeTokens: [0, 1].map(tokenIdOf), splitBlocks: [1, 2] });
});

it('survives two failures in a row', async () => {
  const workers = [1, 2, 3].map(() => ({ script: answer(tokens) }));
  const cluster = await startTestCluster({ workers });
  cluster.workers[0]?.answerNext(failAfter(2));
  cluster.workers[1]?.answerNext(failAfter(4));

  const { frames } = await readStream(cluster);

  expect(contentOf(frames)).toBe(text);
  expect(frames.at(-1)).toBe('data: [DONE]');
  expect(cluster.workers[2]?.requests[0]?.resumeTokens).toHaveLength(4);
});

it('moves on when a connection is refused, although the heartbeats go on', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: answer(tokens) }, { script: answer(tokens) }],
  });
  await cluster.workers[0]?.stopListening();

  expect(contentOf((await readStream(cluster)).frames)).toBe(text);
  expect(cluster.workers[1]?.requests).toHaveLength(1);
});

it('moves all streams of a worker that dies to the other', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [
      { slots: 20, script: answer(tokens, { gate }) },
      { slots: 20, script: answer(tokens, { gate }) },
    ],
  });
  const streams = await Promise.all(
    Array.from({ length: 20 }, () =>
      openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true }),
    ),
  );
  gate.open(50);
  await eventually(() => expect(cluster.workers.map(({ slotsBusy }) => slotsBusy())).toStrictEqual([10, 10]));

  await cluster.workers[0]?.kill();
  gate.open();

  for (const stream of streams) {
    const frames = await stream.rest();
    expect(contentOf(frames)).toBe(text);
    expect(frames.at(-1)).toBe('data: [DONE]');
  }
  await eventually(async () => expect((await cluster.status()).nodes[0]?.state).toBe('lost'));
});

it('waits for the only worker to come back', async () => {
  const cluster = await startTestCluster({ workers: [{ script: answer(tokens) }] });
  cluster.workers[0]?.answerNext(failAfter(3));

  const { frames } = await readStream(cluster);

  expect(contentOf(frames)).toBe(text);
  expect(cluster.workers[0]?.requests[1]?.resumeTokens).toHaveLength(3);
});

describe('a worker that fails every time', () => {
  const failing = refuse('engine_failed', { retryable: true });

  it('does not get a request twice while another is free, however many free slots it has', async () => {
    const gate = createTokenGate();
    const cluster = await startTestCluster({
      workers: [
        { slots: 8, script: failing },
        { slots: 2, script: answer(tokens) },
      ],
    });
    cluster.workers[1]?.answerNext(answer(tokens, { gate }));
    const held = readStream(cluster);
    await eventually(() => expect(cluster.workers[1]?.slotsBusy()).toBe(1));

    const { status, frames } = await readStream(cluster);

    expect([status, contentOf(frames)]).toStrictEqual([200, text]);
    expect(cluster.workers[0]?.requests.length).toBeLessThanOrEqual(2);
    gate.open();
    await held;
  });

  it('does not get a request twice while another one is busy: it waits for that', async () => {
    const gate = createTokenGate();
    const cluster = await startTestCluster({
      workers: [
        { slots: 8, script: failing },
        { slots: 1, script: answer(tokens, { gate }) },
      ],
    });
    const held = readStream(cluster);
    await eventually(() => expect(cluster.workers[1]?.slotsBusy()).toBe(1));
    const second = readStream(cluster);
    await eventually(async () => {
      const { queue } = await cluster.status();
      expect(queue.waiting === 1 || cluster.log.entries().some(({ status }) => status === 502)).toBe(true);
    });
    gate.open();

    for (const { status, frames } of await Promise.all([held, second])) {
      expect([status, contentOf(frames)]).toStrictEqual([200, text]);
    }
  });

  it('does not hold a request that another one could run, by saying that it has no free slot', async () => {
    const gate = createTokenGate();
    const cluster = await startTestCluster({
      workers: [
        { slots: 8, script: refuse('no_free_slot', { retryable: true }) },
        { slots: 2, script: answer(tokens) },
      ],
      controller: { queueTimeoutMs: 1_000 },
    });
    cluster.workers[1]?.answerNext(answer(tokens, { gate }));
    const held = readStream(cluster);
    await eventually(() => expect(cluster.workers[1]?.slotsBusy()).toBe(1));

    const { status, frames } = await readStream(cluster);

    expect([status, contentOf(frames)]).toStrictEqual([200, text]);
    expect(cluster.workers[0]?.requests.length).toBeLessThanOrEqual(4);
    gate.open();
    await held;
  });
});

it('does not count attempts on workers that stop in order, also where they break connections', async () => {
  const cluster = await startTestCluster({
    workers: Array.from({ length: 5 }, () => ({ script: answer(tokens) })),
  });
  for (const worker of cluster.workers.slice(0, 4)) {
    worker.answerNext(async (call) => {
      await worker.setPhase('draining');
      call.reset();
    });
  }

  const { status, frames } = await readStream(cluster);

  expect([status, contentOf(frames)]).toEqual([200, text]);
  expect(cluster.workers.map(({ requests }) => requests.length)).toStrictEqual([1, 1, 1, 1, 1]);
  expect(cluster.log.entries().filter(isAttempt)).toEqual([]);
});

describe('when there is no worker left', () => {
  it('answers 502 after three attempts', async () => {
    const cluster = await startTestCluster({
      workers: [1, 2, 3, 4].map(() => ({ script: resetAtOnce })),
    });

    const response = await request(`${cluster.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...params, stream: true }),
    });

    expect(response.statusCode).toBe(502);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(await response.body.json()).toStrictEqual({
      error: {
        message: 'The workers that ran this request failed before it was finished.',
        type: 'server_error',
        param: null,
        code: null,
      },
    });
    expect(attemptsOf(cluster)).toBe(3);
    expect(cluster.log.entries().filter(isAttempt)).toMatchObject([
      { attempt: 1, willRetry: true },
      { attempt: 2, willRetry: true },
      { attempt: 3, willRetry: false },
    ]);
  });

  it('ends a stream that has begun with an error frame and without [DONE]', async () => {
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ script: failAfter(4) })),
    });

    const { status, frames } = await readStream(cluster);

    expect(status).toBe(200);
    expect(contentOf(frames)).toBe(tokens.slice(0, 4).join(''));
    expect(frames).not.toContain('data: [DONE]');
    expect(dataOf(frames.at(-1))).toMatchObject({
      error: { type: 'server_error', code: null, param: null },
    });
    expect(frames.filter((frame) => frame.includes('"error"'))).toHaveLength(1);
    // One that brought tokens, and three that brought none.
    expect(attemptsOf(cluster)).toBe(4);
  });

  it('makes the official client throw, with the text so far delivered', async () => {
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ script: failAfter(4) })),
    });

    let read = '';
    const consume = async () => {
      for await (const chunk of await cluster.client.chat.completions.create({ ...params, stream: true })) {
        read += chunk.choices[0]?.delta.content ?? '';
      }
    };
    const thrown = await consume().catch((error: unknown) => error);

    expect(thrown).toBeInstanceOf(OpenAI.APIError);
    expect(thrown).toMatchObject({
      type: 'server_error',
      requestID: expect.stringMatching(/^req_/) as string,
    });
    expect(read).toBe(tokens.slice(0, 4).join(''));
  });

  it('makes the official client throw on a JSON answer', async () => {
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ script: failAfter(4) })),
    });

    const thrown = await cluster.client.chat.completions.create(params).catch((error: unknown) => error);

    expect(thrown).toBeInstanceOf(OpenAI.InternalServerError);
    expect(thrown).toMatchObject({ status: 502 });
  });

  it('gives the slots of all attempts back', async () => {
    const cluster = await startTestCluster({
      workers: [1, 2, 3].map(() => ({ slots: 1, script: failAfter(2) })),
    });

    await readStream(cluster);

    const { nodes } = await cluster.status();
    expect(nodes.map(({ activeRequests }) => activeRequests)).toStrictEqual([0, 0, 0]);
  });
});

describe('what another worker would not do better is not tried again', () => {
  it.each([
    ['context_length_exceeded', 400, { code: 'context_length_exceeded', param: 'messages' }],
    ['invalid_prompt', 400, { code: 'invalid_value', param: 'messages' }],
    ['invalid_request', 400, { code: 'invalid_value', param: null }],
    ['unsupported_schema', 400, { code: 'unsupported_value', param: 'response_format' }],
  ] as const)('%s', async (code, status, error) => {
    const cluster = await startTestCluster({
      workers: [1, 2].map(() => ({ script: refuse(code, { retryable: false }) })),
    });

    for (const stream of [true, false]) {
      const response = await request(`${cluster.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...params, stream }),
      });
      expect(response.statusCode).toBe(status);
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(await response.body.json()).toMatchObject({ error });
    }
    expect(attemptsOf(cluster)).toBe(2);
  });
});

describe('a worker that falls silent', () => {
  const generation = toRequest('Hi', { model: 'test-model' });

  it.each<[string, Script]>([
    ['before the headers', stall],
    ['in the middle', failAfter(2, stall)],
  ])('%s is given up', async (_name, script) => {
    const worker = await startFakeWorker({ script });
    const client = createWorkerClient({ clusterToken: testClusterToken, silenceTimeoutMs: 100 });
    const consume = async () => {
      for await (const _event of client.generate(worker.url, generation, new AbortController().signal));
    };

    await expect(consume()).rejects.toMatchObject({ name: 'UpstreamError', kind: 'silent' });
    await eventually(() => expect(worker.aborts).toStrictEqual(['req_test']));

    await client.close();
    await worker.kill();
  });
});

it('uses no connection that a worker was restarted behind', async () => {
  const cluster = await startTestCluster({ workers: [{ script: answer(tokens) }] });
  await cluster.client.chat.completions.create(params);
  const [first] = cluster.workers;
  await first?.kill();
  const second = await startFakeWorker({
    port: Number(new URL(first?.url ?? '').port),
    script: answer(tokens),
  });
  second.join(cluster.url);

  const completion = await cluster.client.chat.completions.create(params);

  expect(completion.choices[0]?.message.content).toBe(text);
  await second.kill();
});
