import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { ChatCompletion } from '../../../src/protocol/openai/chatCompletions.js';
import { chunksOf, openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const body = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] };
const usage = {
  prompt_tokens: 7,
  completion_tokens: 4,
  total_tokens: 11,
  prompt_tokens_details: { cached_tokens: 3, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: 0,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
};
const script = answer(['Hel', '', 'lo', ' wörld 🦙'], { cachedTokens: 3 });

async function postJson(url: string, value: unknown) {
  return request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
}

describe('JSON', () => {
  it('is the whole answer with every key that the official document requires', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const response = await postJson(url, body);
    const completion = await response.body.json();

    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
    expect(completion).toStrictEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-zA-Z]+$/) as string,
      object: 'chat.completion',
      created: expect.any(Number) as number,
      model: 'test-model',
      system_fingerprint: 'fp_fake',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello wörld 🦙', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage,
    });
    expect(ChatCompletion.parse(completion)).toStrictEqual(completion);
    const { created } = completion as ChatCompletion;
    expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(60);
  });

  it('says when the limit of tokens ended it', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const completion = ChatCompletion.parse(
      await (await postJson(url, { ...body, max_tokens: 1 })).body.json(),
    );

    expect(completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Hel' } });
    expect(completion.usage.completion_tokens).toBe(1);
  });

  it('holds text that the worker kept back until the end', async () => {
    const { url } = await startTestCluster({ workers: [{ script: answer(['a'], { heldBack: 'b' }) }] });

    const completion = ChatCompletion.parse(await (await postJson(url, body)).body.json());

    expect(completion.choices[0]?.message.content).toBe('ab');
  });

  it('is empty text, not null, where the model said nothing', async () => {
    const { url } = await startTestCluster({ workers: [{ script: answer([]) }] });

    const completion = ChatCompletion.parse(await (await postJson(url, body)).body.json());

    expect(completion.choices[0]?.message.content).toBe('');
  });

  it.each(['/chat/completions', '/v1/chat/completions/'])('is served at %s too', async (path) => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const response = await request(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', accept: 'application/json' },
      body: JSON.stringify(body),
    });

    expect(ChatCompletion.parse(await response.body.json()).model).toBe('test-model');
  });
});

describe('stream', () => {
  it('is role, contents, finish with an empty delta, [DONE]', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...body, stream: true });
    const chunks = chunksOf(await stream.rest());

    expect(chunks.map(({ choices }) => choices)).toStrictEqual([
      [
        {
          index: 0,
          delta: { role: 'assistant', content: '', refusal: null },
          logprobs: null,
          finish_reason: null,
        },
      ],
      [{ index: 0, delta: { content: 'Hel' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: 'lo' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: ' wörld 🦙' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }],
    ]);
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    const identities = chunks.map(({ id, object, created, model, system_fingerprint }) =>
      JSON.stringify({ id, object, created, model, system_fingerprint }),
    );
    expect(new Set(identities).size).toBe(1);
    expect(chunks[0]).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/) as string,
      object: 'chat.completion.chunk',
      model: 'test-model',
      system_fingerprint: 'fp_fake',
    });
  });

  it('ends with a usage chunk without choices if asked for, and the others carry null', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/chat/completions`, {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = chunksOf(await stream.rest());

    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(chunks.slice(0, -1).map((chunk) => chunk.usage)).toStrictEqual([null, null, null, null, null]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('has the headers of an event stream that no proxy may keep or hold back', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...body, stream: true });
    await stream.rest();

    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(/^req_/) as string,
    });
    expect(stream.headers).not.toHaveProperty('content-encoding');
    expect(stream.headers).not.toHaveProperty('etag');
    expect(stream.headers).not.toHaveProperty('x-powered-by');
  });

  it('hands on each token when it comes', async () => {
    const gate = createTokenGate();
    const { url } = await startTestCluster({ workers: [{ script: answer(['a', 'b', 'c'], { gate }) }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...body, stream: true });
    expect(await stream.next()).toContain('"role":"assistant"');
    for (const text of ['a', 'b', 'c']) {
      gate.open(1);
      expect(await stream.next()).toContain(`"content":"${text}"`);
    }
    expect(await stream.rest()).toHaveLength(2);
  });

  it('sends text that was kept back until the end before the finish', async () => {
    const { url } = await startTestCluster({ workers: [{ script: answer(['', ''], { heldBack: 'late' }) }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...body, stream: true });
    const chunks = chunksOf(await stream.rest());

    expect(chunks.map(({ choices }) => choices[0]?.delta)).toStrictEqual([
      { role: 'assistant', content: '', refusal: null },
      { content: 'late' },
      {},
    ]);
  });

  it('shows life as comments while the worker reads the prompt', async () => {
    const script = answer(['a'], {
      fault: {
        afterTokens: 0,
        run: async (call) => {
          await call.send({ type: 'progress', phase: 'prefill', tokensDone: 5 });
          await answer(['a'])({
            ...call,
            send: (event) => (event.type === 'accepted' ? done : call.send(event)),
          });
        },
      },
    });
    const done = Promise.resolve();
    const { url, client } = await startTestCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...body, stream: true });
    const frames = await stream.rest();
    expect(frames[1]).toBe(': keepalive');
    expect(chunksOf(frames)).toHaveLength(3);

    const read = await client.chat.completions.create({
      model: 'test-model',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of read) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('a');
  });
});

describe('the official client', () => {
  it('reads JSON, the raw stream and the stream helper', async () => {
    const { client } = await startTestCluster({ workers: [{ script }] });
    const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

    const completion = await client.chat.completions.create(params);
    expect(completion.choices[0]?.message.content).toBe('Hello wörld 🦙');
    expect(completion._request_id).toMatch(/^req_/);

    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe('Hello wörld 🦙');

    const helper = client.chat.completions.stream({ ...params, stream_options: { include_usage: true } });
    const final = await helper.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Hello wörld 🦙');
    expect(final.usage?.total_tokens).toBe(11);
  });

  it('lists models and finds one by its name', async () => {
    const { client } = await startTestCluster({ workers: [{ models: ['test-model', 'org/name:Q4'] }] });

    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toStrictEqual(['test-model', 'org/name:Q4']);
    expect(await client.models.retrieve('org/name:Q4')).toMatchObject({
      id: 'org/name:Q4',
      object: 'model',
      owned_by: 'ai-cluster',
    });
  });
});
