import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { request } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ApiKeySettings } from '../../../src/protocol/apiKeys.js';
import type { BatchResult } from '../../../src/protocol/openai/batches.js';
import { eventually } from '../../support/eventually.js';
import type { FakeWorkerOptions } from '../../support/fakeWorker.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const params = { model: 'test-model', messages };

/** A cluster that one key with these settings asks, and that another one without limits may ask. */
async function startLimited(settings: Partial<ApiKeySettings>, workers: FakeWorkerOptions[] = [{}]) {
  const keys = temporaryKeys();
  const limited = keys.create(settings);
  const other = keys.create();
  const cluster = await startTestCluster({ workers, controller: { dataDir: keys.dataDir } });
  const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey, maxRetries: 0 });
  return {
    ...keys,
    cluster,
    id: limited.key.id,
    text: limited.text,
    client: clientOf(limited.text),
    other: clientOf(other.text),
    worker: () => cluster.workers[0]!,
    /** Of the counters with this key. */
    counts: async () => {
      const lines = (await cluster.metrics()).split('\n').filter((line) => line.includes(limited.key.id));
      return Object.fromEntries(
        lines
          .map((line) => [
            line.replace(/_total.*status="(\w+)".*|_total.*/, ' $1').trim(),
            Number(line.split(' ').at(-1)),
          ])
          .filter(([, value]) => value !== 0),
      ) as Record<string, number>;
    },
  };
}

async function failureOf(promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  return error as InstanceType<typeof OpenAI.APIError>;
}

const headersOf = async (promise: ReturnType<OpenAI['chat']['completions']['create']>) => {
  const { response } = await promise.withResponse();
  return rateLimitsOf(response.headers);
};

function rateLimitsOf(headers: Headers): Record<string, string> {
  const entries = [...headers].filter(([name]) => name.startsWith('x-ratelimit-'));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice('x-ratelimit-'.length), value]));
}

const duration = /^(1m0s|1m0\.0\d+s|[1-5]?\d(\.\d+)?s|\d+ms)$/;

describe('requests a minute', () => {
  it('are told in headers, and the one too many is a RateLimitError that says when to come again', async () => {
    const { client, other, cluster, counts } = await startLimited({ requestsPerMinute: 2 });
    const first = await headersOf(client.chat.completions.create(params));
    expect(first).toEqual({
      'limit-requests': '2',
      'remaining-requests': '1',
      'reset-requests': expect.stringMatching(duration) as string,
    });
    const second = await headersOf(client.chat.completions.create({ ...params, stream: true }));
    expect(second['remaining-requests']).toBe('0');

    const error = await failureOf(client.chat.completions.create(params));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, type: 'requests', code: 'rate_limit_exceeded', param: null });
    expect(error.message).toContain('This API key may send 2 requests in 60 seconds.');
    const retryAfter = Number(error.headers?.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(50);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(error.headers?.get('x-should-retry')).toBeNull();
    expect(rateLimitsOf(error.headers!)).toMatchObject({ 'remaining-requests': '0' });
    expect(error.requestID).toMatch(/^req_/);

    expect(await headersOf(other.chat.completions.create(params))).toEqual({});
    expect(cluster.workers[0]!.requests).toHaveLength(3);
    await eventually(async () =>
      expect(await counts()).toEqual({
        'ai_cluster_api_key_requests success': 2,
        'ai_cluster_api_key_requests rejected': 1,
        ai_cluster_api_key_rate_limit_hits: 1,
      }),
    );
  });

  it('are those to all of the API, by any of its paths', async () => {
    const { cluster, text } = await startLimited({ requestsPerMinute: 3 });
    const get = async (path: string) =>
      (await request(`${cluster.url}${path}`, { headers: { authorization: `Bearer ${text}` } })).statusCode;
    expect(await get('/v1/models')).toBe(200);
    expect(await get('/models')).toBe(200);
    expect(await get('/v1/files')).toBe(200);
    expect(await get('/v1/models')).toBe(429);
    expect(await get('/health')).toBe(200);
  });

  it("are Anthropic's rate_limit_error for its clients", async () => {
    const { cluster, text } = await startLimited({ requestsPerMinute: 1 });
    const anthropic = new Anthropic({ baseURL: cluster.url, apiKey: text, maxRetries: 0 });
    const ask = () => anthropic.messages.create({ ...params, max_tokens: 4 });
    await ask();
    await expect(ask()).rejects.toMatchObject({
      status: 429,
      error: { error: { type: 'rate_limit_error' } },
    });
  });

  it('follow the limit that the key has now', async () => {
    const { client, store, id } = await startLimited({ requestsPerMinute: 1 });
    await client.chat.completions.create(params);
    await failureOf(client.chat.completions.create(params));
    store.update(id, { requestsPerMinute: 2 });
    await eventually(() => client.chat.completions.create(params));
    await failureOf(client.chat.completions.create(params));
  });
});

describe('a clock that jumps', () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ])('%s moves no limit', async (_where, byMs) => {
    const { client } = await startLimited({ requestsPerMinute: 1, tokensPerMinute: 150 });
    await client.chat.completions.create({ ...params, max_tokens: 4 });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs });
    const error = await failureOf(client.chat.completions.create(params));
    expect(error.type).toBe('requests');
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(50);
    expect(rateLimitsOf(error.headers!)).toMatchObject({ 'remaining-tokens': String(150 - 7 - 4) });
  });
});

describe('requests at once', () => {
  it('are refused beyond the limit, and let in when one has ended', async () => {
    const gate = createTokenGate();
    const { client, worker, counts } = await startLimited({ concurrentRequests: 2 }, [
      { script: answer(['a', 'b'], { gate }) },
    ]);
    const running = [1, 2].map(() => client.chat.completions.create(params));
    await eventually(() => expect(worker().requests).toHaveLength(2));
    const error = await failureOf(client.chat.completions.create(params));
    expect(error).toMatchObject({ status: 429, type: 'requests', code: 'rate_limit_exceeded' });
    expect(error.message).toContain('This API key may have 2 requests at once.');
    expect(error.headers?.get('retry-after')).toBe('1');
    gate.open();
    await Promise.all(running);
    await eventually(() => client.chat.completions.create(params));
    expect((await counts())['ai_cluster_api_key_rate_limit_hits']).toBe(1);
  });

  it('do not count one whose client has left', async () => {
    const gate = createTokenGate();
    const { client, worker } = await startLimited({ concurrentRequests: 1 }, [
      { script: answer(['a'], { gate }) },
    ]);
    const leaving = new AbortController();
    const left = client.chat.completions.create(params, { signal: leaving.signal }).catch(() => undefined);
    await eventually(() => expect(worker().requests).toHaveLength(1));
    leaving.abort();
    await left;
    gate.open();
    await eventually(() => client.chat.completions.create(params));
  });
});

describe('tokens a minute', () => {
  it('are reserved when a request comes, and counted as they were when it is known', async () => {
    const gate = createTokenGate();
    const { client, worker } = await startLimited({ tokensPerMinute: 1_000 }, [
      { script: answer(['a', 'b', 'c'], { gate, promptTokens: 30 }) },
    ]);
    const stream = await client.chat.completions
      .create({ ...params, max_tokens: 200, stream: true })
      .withResponse();
    // A worker has accepted the prompt: it is counted, and the answer is reserved.
    expect(rateLimitsOf(stream.response.headers)).toEqual({
      'limit-tokens': '1000',
      'remaining-tokens': String(1_000 - 30 - 200),
      'reset-tokens': '1m0s',
    });
    gate.open();
    for await (const _chunk of stream.data);
    const next = await client.chat.completions.create({ ...params, max_tokens: 100 }).withResponse();
    expect(rateLimitsOf(next.response.headers)['remaining-tokens']).toBe(String(1_000 - 33 - 33));
    expect(worker().requests).toHaveLength(2);
  });

  it('that do not suffice are a RateLimitError; what alone is too much is not to be tried again', async () => {
    const { client, worker, counts } = await startLimited({ tokensPerMinute: 300 });
    const ask = (max_tokens: number) => client.chat.completions.create({ ...params, max_tokens });
    await ask(4);
    const full = await failureOf(ask(280));
    expect(full).toBeInstanceOf(OpenAI.RateLimitError);
    expect(full).toMatchObject({ type: 'tokens', code: 'rate_limit_exceeded' });
    expect(full.message).toContain('This API key may use 300 tokens in 60 seconds');
    expect(Number(full.headers?.get('retry-after'))).toBeGreaterThan(50);
    const tooLarge = await failureOf(ask(301));
    expect(tooLarge).toMatchObject({ status: 429, type: 'tokens', code: 'rate_limit_exceeded' });
    expect(tooLarge.message).toContain('asks for up to 301: ask for fewer');
    expect(tooLarge.headers?.get('x-should-retry')).toBe('false');
    expect(worker().requests).toHaveLength(1);
    expect((await counts())['ai_cluster_api_key_rate_limit_hits']).toBe(2);
  });

  it('of a long text are an estimate: it runs when nothing else counts', async () => {
    const { client } = await startLimited({ tokensPerMinute: 300 });
    const long = {
      ...params,
      messages: [{ role: 'user' as const, content: 'x'.repeat(2_000) }],
      max_tokens: 4,
    };
    await client.chat.completions.create(long);
    const error = await failureOf(client.chat.completions.create(long));
    expect(error).toMatchObject({ type: 'tokens' });
    expect(error.headers?.get('x-should-retry')).toBeNull();
  });

  it('count the prompt of several choices once, and a request that goes on elsewhere once', async () => {
    const dying = answer(['a', 'b', 'c', 'd'], { fault: { afterTokens: 2, run: (call) => call.reset() } });
    const { client, cluster, usage, id } = await startLimited({ tokensPerMinute: 1_000 }, [{}, {}]);
    for (const worker of cluster.workers) worker.script = answer(['a', 'b', 'c', 'd']);
    await client.chat.completions.create({ ...params, n: 3, max_tokens: 10 });
    for (const worker of cluster.workers) worker.answerNext(dying);
    const resumed = await client.chat.completions.create({ ...params, max_tokens: 10 });
    expect(resumed.choices[0]?.message.content).toBe('abcd');
    const { response } = await client.models.list().withResponse();
    expect(rateLimitsOf(response.headers)['remaining-tokens']).toBe(String(1_000 - (7 + 12) - (7 + 4)));
    expect(usage.total({ key: id })).toMatchObject({ requests: 2, promptTokens: 14, completionTokens: 16 });
  });

  it('are given back by a request that fails, and counted as far as they came by one that is left', async () => {
    const gate = createTokenGate();
    const { client, worker, cluster, usage, id } = await startLimited({ tokensPerMinute: 1_000 });
    const left = async () => {
      const { response } = await client.models.list().withResponse();
      return Number(rateLimitsOf(response.headers)['remaining-tokens']);
    };
    worker().answerNext((call) =>
      call.refuse(400, { code: 'context_length_exceeded', message: 'too long', retryable: false }),
    );
    await failureOf(client.chat.completions.create({ ...params, max_tokens: 500 }));
    expect(await left()).toBe(1_000);

    worker().answerNext(answer(['a', 'b', 'c'], { gate, tokensBeforeGate: 2 }));
    const stream = await client.chat.completions.create({ ...params, max_tokens: 500, stream: true });
    let chunks = 0;
    for await (const { choices } of stream) {
      if (choices[0]?.delta.content) chunks++;
      if (chunks === 2) break;
    }
    await eventually(async () => expect(await left()).toBe(1_000 - 7 - 2));
    expect(usage.total({ key: id })).toMatchObject({ requests: 2, promptTokens: 7, completionTokens: 2 });
    expect(cluster.log.text()).not.toContain('usage lost');
  });

  it('limit embeddings and rankings, too', async () => {
    const { client, worker } = await startLimited({ tokensPerMinute: 100 }, [
      { models: ['test-embedding'], kind: 'embedding' },
    ]);
    worker().answerNextCall((call) =>
      call.answer({
        embeddings: [Buffer.from(new Float32Array([1]).buffer).toString('base64')],
        promptTokens: 60,
      }),
    );
    const ask = (input: string | number[]) => client.embeddings.create({ model: 'test-embedding', input });
    await ask('a short text');
    expect(await failureOf(ask('a text that is a bit longer, yet not by much'))).toMatchObject({
      type: 'tokens',
    });
    const tooLarge = await failureOf(ask(Array.from({ length: 101 }, () => 1)));
    expect(tooLarge.headers?.get('x-should-retry')).toBe('false');
  });
});

describe('budgets', () => {
  it.each(['tokensPerDay', 'tokensPerMonth'] as const)(
    '%s that are used up are an insufficient quota',
    async (budget) => {
      const { client, other, counts } = await startLimited({ [budget]: 250 });
      const ask = (max_tokens: number) => client.chat.completions.create({ ...params, max_tokens });
      expect(await headersOf(ask(100))).toEqual({});
      const error = await failureOf(ask(240));
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error).toMatchObject({ status: 429, type: 'insufficient_quota', code: 'insufficient_quota' });
      expect(error.message).toContain(
        `This API key may use 250 tokens a ${budget === 'tokensPerDay' ? 'day' : 'month'}`,
      );
      expect(error.headers?.get('x-should-retry')).toBe('false');
      expect(error.headers?.get('retry-after')).toBeNull();
      await ask(100);
      await other.chat.completions.create(params);
      expect((await counts())['ai_cluster_api_key_rate_limit_hits']).toBe(1);
    },
  );

  it('count what was used before the controller started', async () => {
    const keys = temporaryKeys();
    const { key, text } = keys.create({ tokensPerDay: 1_000 });
    keys.usage.record({
      key: key.id,
      model: 'test-model',
      isError: false,
      promptTokens: 900,
      cachedTokens: 0,
      completionTokens: 50,
    });
    const { url } = await startTestCluster({ controller: { dataDir: keys.dataDir } });
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: text, maxRetries: 0 });
    expect(await failureOf(client.chat.completions.create(params))).toMatchObject({
      code: 'insufficient_quota',
    });
  });

  it('are the only limit of the lines of batches', async () => {
    const { client, usage, id, worker } = await startLimited({
      tokensPerMinute: 1,
      concurrentRequests: 1,
      tokensPerDay: 400,
    });
    const bodies = [{ max_tokens: 4 }, { max_tokens: 4 }, { max_tokens: 400 }];
    const lines = bodies.map((body, index) =>
      JSON.stringify({
        custom_id: `line-${index}`,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { ...params, ...body },
      }),
    );
    const file = await client.files.create({
      file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
      purpose: 'batch',
    });
    const { id: batchId } = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    const batch = await eventually(async () => {
      const current = await client.batches.retrieve(batchId);
      expect(current.status).toBe('completed');
      return current;
    });
    expect(batch.request_counts).toEqual({ total: 3, completed: 2, failed: 1 });
    const [failed] = (await (await client.files.content(batch.error_file_id ?? '')).text()).split('\n');
    expect(JSON.parse(failed ?? '') as BatchResult).toMatchObject({
      custom_id: 'line-2',
      response: { status_code: 429, body: { error: { code: 'insufficient_quota' } } },
    });
    expect(worker().requests).toHaveLength(2);
    expect(usage.total({ key: id })).toMatchObject({ requests: 3, promptTokens: 14, completionTokens: 8 });
  });
});

it('without keys there are no limits and no headers of them', async () => {
  const { client } = await startTestCluster();
  expect(await headersOf(client.chat.completions.create(params))).toEqual({});
});
