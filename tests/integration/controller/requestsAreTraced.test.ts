import { request } from 'undici';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { encodeVector } from '../../../src/protocol/embedding.js';
import { eventually } from '../../support/eventually.js';
import type { Script, WorkerCall } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestClusterOptions } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import {
  startTraceCollector,
  type CollectedSpan,
  type TraceCollector,
} from '../../support/traceCollector.js';
import { answer, refuse, resetAtOnce } from '../../support/workerScripts.js';

const canary = 'c4n4ry-51f0';
const traceOfClient = '0af7651916cd43dd8448eb211c80319c';
const spanOfClient = 'b7ad6b7169203331';
const params = { model: 'test-model', messages: [{ role: 'user' as const, content: canary }] };
const tokens = [canary, ' two', ' three', ' four', ' five'];

let collector: TraceCollector;
beforeEach(async () => {
  collector = await startTraceCollector();
  return () => collector.close();
});

async function startTraced(options: TestClusterOptions = {}) {
  const controller = { ...options.controller, otlpEndpoint: collector.endpoint };
  const cluster = await startTestCluster({ workers: [{ script: answer(tokens) }], ...options, controller });
  /** What the collector has when the controller has gone. */
  const spansAfterClose = async () => {
    await cluster.close();
    for (const span of collector.spans) expectInParent(span);
    expect(collector.text()).not.toContain(canary);
    return collector.spans;
  };
  return { ...cluster, spansAfterClose };
}

function expectInParent(span: CollectedSpan): void {
  expect(span.endedAt).toBeGreaterThanOrEqual(span.startedAt);
  if (span.parentSpanId === undefined || span.parentSpanId === spanOfClient) return;
  const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
  if (!parent) throw new Error(`the parent of ${span.name} was not sent`);
  expect(span.traceId).toBe(parent.traceId);
  // Numbers of milliseconds since 1970 have a few more digits than that.
  expect(span.startedAt).toBeGreaterThanOrEqual(parent.startedAt - 0.01);
  expect(span.endedAt).toBeLessThanOrEqual(parent.endedAt + 0.01);
}

const roots = () => collector.spans.filter(({ kind }) => kind === 'server');

/** The names of the spans below this one, each with those below it; in the order in which they began. */
function treeOf(parent: CollectedSpan | undefined): unknown[] {
  return childrenOf(parent).map((span) => {
    const below = treeOf(span);
    return below.length === 0 ? span.name : [span.name, ...below];
  });
}

function childrenOf(parent: CollectedSpan | undefined): CollectedSpan[] {
  return collector.spans.filter(({ parentSpanId }) => parent && parentSpanId === parent.spanId);
}

const named = (name: string) => collector.spans.filter((span) => span.name === name);

describe('a request that is answered', () => {
  it('says what it was and where its time went', async () => {
    const cluster = await startTraced({ workers: [{ script: answer(tokens, { cachedTokens: 3 }) }] });
    const before = Date.now();
    const stream = await openSse(`${cluster.url}/v1/chat/completions`, {
      ...params,
      stream: true,
      max_tokens: 50,
    });
    await stream.rest();
    const requestId = stream.headers['x-request-id'];
    await cluster.spansAfterClose();

    expect(treeOf(roots()[0])).toEqual(['queue', 'route', ['attempt', 'prefill', 'decode']]);
    expect(roots()).toHaveLength(1);
    expect(roots()[0]).toMatchObject({
      name: 'chat test-model',
      parentSpanId: undefined,
      isError: false,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'ai-cluster',
        'gen_ai.request.model': 'test-model',
        'gen_ai.request.max_tokens': 50,
        'gen_ai.request.stream': true,
        'gen_ai.response.model': 'test-model',
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': 7,
        'gen_ai.usage.cache_read.input_tokens': 3,
        'gen_ai.usage.output_tokens': 5,
        'gen_ai.response.time_to_first_chunk': expect.any(Number) as number,
        'http.request.method': 'POST',
        'http.route': '/v1/chat/completions',
        'http.response.status_code': 200,
        'ai_cluster.request_id': requestId,
        'ai_cluster.key_id': 'anonymous',
        'ai_cluster.outcome': 'success',
        'ai_cluster.attempts': 1,
      },
    });
    for (const absent of ['error.type', 'gen_ai.request.choice.count', 'ai_cluster.batch_id'])
      expect(roots()[0]?.attributes).not.toHaveProperty([absent]);
    expect(roots()[0]?.startedAt).toBeGreaterThanOrEqual(before - 2);
    expect(roots()[0]?.endedAt).toBeLessThanOrEqual(Date.now() + 2);
    expect(named('route')[0]?.attributes).toMatchObject({
      'ai_cluster.node_id': 'worker_1',
      'ai_cluster.policy': 'prefix-aware',
    });
    expect(named('attempt')[0]).toMatchObject({
      kind: 'client',
      attributes: { 'ai_cluster.node_id': 'worker_1', 'ai_cluster.outcome': 'success' },
    });
    expect(named('prefill')[0]?.attributes).toEqual({ 'ai_cluster.read_tokens': 4 });
    expect(named('decode')[0]?.attributes).toEqual({ 'ai_cluster.generated_tokens': 5 });
    expect(collector.resources[0]).toMatchObject({
      'service.name': 'ai-cluster',
      'service.version': '1.2.3',
      'telemetry.sdk.language': 'nodejs',
    });
    // The log has the same id, so that one leads to the other.
    expect(cluster.log.entries()).toContainEqual(expect.objectContaining({ message: 'request', requestId }));
  });

  it('has a span for each choice, one beside the other', async () => {
    const gate = createTokenGate();
    const cluster = await startTraced({ workers: [{ script: answer(tokens, { gate }) }] });
    const answered = cluster.client.chat.completions.create({ ...params, n: 2 });
    await eventually(() => expect(cluster.workers[0]?.requests).toHaveLength(2));
    gate.open();
    await answered;
    await cluster.spansAfterClose();

    expect(roots()[0]?.attributes).toMatchObject({ 'gen_ai.request.choice.count': 2 });
    expect(roots()[0]?.attributes).not.toHaveProperty(['gen_ai.response.time_to_first_chunk']);
    const [first, second] = named('attempt');
    expect([first, second].map((attempt) => attempt?.attributes['ai_cluster.choice'])).toEqual([0, 1]);
    expect(second?.startedAt).toBeLessThan(first?.endedAt ?? 0);
    expect(first?.startedAt).toBeLessThan(second?.endedAt ?? 0);
  });

  it('has no choices but one where it has several prompts', async () => {
    const cluster = await startTraced();
    await post(`${cluster.url}/v1/completions`, { model: 'test-model', prompt: [canary, 'b', 'c'] });
    await cluster.spansAfterClose();

    expect(roots()[0]?.attributes).not.toHaveProperty(['gen_ai.request.choice.count']);
    expect(named('attempt')).toHaveLength(3);
  });

  it.each([
    ['/v1/completions', { model: 'test-model', prompt: canary }, 'text_completion'],
    ['/v1/responses', { model: 'test-model', input: canary }, 'chat'],
    [
      '/v1/messages',
      { model: 'test-model', max_tokens: 9, messages: [{ role: 'user', content: canary }] },
      'chat',
    ],
  ])('is called by what %s does', async (path, body, operation) => {
    const cluster = await startTraced();
    const { statusCode } = await post(cluster.url + path, body);
    await cluster.spansAfterClose();

    expect(statusCode).toBe(200);
    expect(roots().map(({ name }) => name)).toEqual([`${operation} test-model`]);
  });

  it('has no tokens to tell of where it has one answer instead', async () => {
    const cluster = await startTraced({
      workers: [
        {
          kind: 'embedding',
          plainScript: (call) => call.answer({ embeddings: [encodeVector([0.6, 0.8])], promptTokens: 3 }),
        },
      ],
    });
    await post(`${cluster.url}/v1/embeddings`, { model: 'test-model', input: canary });
    await cluster.spansAfterClose();

    expect(roots()[0]).toMatchObject({ name: 'embeddings test-model' });
    expect(treeOf(roots()[0])).toEqual(['queue', 'route', 'attempt']);
  });

  it.each([
    ['01', 1],
    ['00', 0],
  ])('belongs to the span of its client, and with the flags %s is sent %i times', async (flags, count) => {
    const cluster = await startTraced();
    const traceparent = `00-${traceOfClient}-${spanOfClient}-${flags}`;
    await post(`${cluster.url}/v1/chat/completions`, params, { traceparent });
    await cluster.spansAfterClose();

    const parents = roots().map(({ traceId, parentSpanId }) => `${traceId} ${parentSpanId}`);
    expect(parents).toEqual(Array.from({ length: count }, () => `${traceOfClient} ${spanOfClient}`));
  });

  it('begins a trace of its own where the client says nonsense', async () => {
    const cluster = await startTraced();
    await post(`${cluster.url}/v1/chat/completions`, params, { traceparent: '00-nonsense-01' });
    await cluster.spansAfterClose();

    expect(roots().map(({ parentSpanId }) => parentSpanId)).toEqual([undefined]);
  });
});

it('a line of a batch is traced like a request, but nobody has called', async () => {
  const cluster = await startTraced();
  const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: params };
  const file = await cluster.client.files.create({
    file: new File([JSON.stringify(line)], 'lines.jsonl'),
    purpose: 'batch',
  });
  const batch = await cluster.client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  await eventually(async () =>
    expect(await cluster.client.batches.retrieve(batch.id)).toMatchObject({ status: 'completed' }),
  );
  await cluster.spansAfterClose();

  const root = collector.spans.find(({ parentSpanId }) => parentSpanId === undefined);
  expect(root).toMatchObject({
    name: 'chat test-model',
    kind: 'internal',
    attributes: { 'ai_cluster.batch_id': batch.id, 'gen_ai.usage.output_tokens': 5 },
  });
  expect(Object.keys(root?.attributes ?? {}).filter((name) => name.startsWith('http.'))).toEqual([]);
  expect(treeOf(root)).toEqual(['queue', 'route', ['attempt', 'prefill', 'decode']]);
});

describe('a request whose worker fails', () => {
  it('shows what each worker brought, and where the answer went on', async () => {
    const fault = { afterTokens: 2, run: (call: WorkerCall) => call.breakOff() };
    const script = firstThen(answer(tokens, { fault }), answer(tokens));
    const cluster = await startTraced({ workers: [{ script }, { script }] });
    await cluster.client.chat.completions.create(params);
    await cluster.spansAfterClose();

    const way = ['queue', 'route'];
    expect(treeOf(roots()[0])).toEqual([
      ...[...way, ['attempt', 'prefill', 'decode']],
      ...[...way, ['resume', 'prefill', 'decode']],
    ]);
    const tries = [...named('attempt'), ...named('resume')];
    expect(tries.map(({ isError, attributes }) => [isError, attributes['error.type']])).toEqual([
      [true, 'error'],
      [false, undefined],
    ]);
    const nodes = new Set(tries.map(({ attributes }) => attributes['ai_cluster.node_id']));
    expect([...nodes].sort()).toEqual(['worker_1', 'worker_2']);
    expect(named('decode').map(({ attributes }) => attributes['ai_cluster.generated_tokens'])).toEqual([
      2, 3,
    ]);
    expect(roots()[0]).toMatchObject({ isError: false, attributes: { 'ai_cluster.attempts': 2 } });
  });

  it('is tried again', async () => {
    const script = firstThen(resetAtOnce, answer(tokens));
    const cluster = await startTraced({ workers: [{ script }, { script }] });
    await cluster.client.chat.completions.create(params);
    await cluster.spansAfterClose();

    const way = ['queue', 'route'];
    expect(treeOf(roots()[0])).toEqual([...way, 'attempt', ...way, ['retry', 'prefill', 'decode']]);
  });

  it('waits between its tries, which are in spans as well', async () => {
    const cluster = await startTraced({
      workers: [{ script: refuse('no_free_slot', { retryable: true }) }],
      controller: { queueTimeoutMs: 2_000 },
    });
    const { statusCode } = await post(`${cluster.url}/v1/chat/completions`, params);
    await cluster.spansAfterClose();

    expect(statusCode).toBeGreaterThanOrEqual(500);
    const [root] = roots();
    const parts = childrenOf(root);
    const told = parts.reduce((sum, { startedAt, endedAt }) => sum + endedAt - startedAt, 0);
    const whole = (root?.endedAt ?? 0) - (root?.startedAt ?? 0);
    // Before and behind them are parsing and the answer.
    expect(whole - told).toBeLessThan(whole / 4);
    expect(parts.filter(({ kind }) => kind === 'client').length).toBeGreaterThan(1);
  });

  it('is an error where its stream ends with one, behind a status of success', async () => {
    const failure = { code: 'engine_failed', message: 'scripted', retryable: false } as const;
    const fault = { afterTokens: 2, run: (call: WorkerCall) => call.send({ type: 'error', ...failure }) };
    const cluster = await startTraced({ workers: [{ script: answer(tokens, { fault }) }] });
    const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
    await stream.rest();
    await cluster.spansAfterClose();

    expect(roots()[0]).toMatchObject({
      isError: true,
      attributes: {
        'error.type': 'broken_off',
        'http.response.status_code': 200,
        'gen_ai.usage.output_tokens': 2,
      },
    });
    expect(roots()[0]?.attributes).not.toHaveProperty(['gen_ai.response.finish_reasons']);
  });

  it('is an error where nobody answers it', async () => {
    const cluster = await startTraced({
      workers: [{ script: refuse('engine_failed', { retryable: false }) }],
    });
    const { statusCode } = await post(`${cluster.url}/v1/chat/completions`, params);
    await cluster.spansAfterClose();

    expect(roots()[0]).toMatchObject({
      isError: true,
      attributes: {
        'error.type': String(statusCode),
        'http.response.status_code': statusCode,
        'ai_cluster.outcome': 'error',
      },
    });
  });
});

describe('a request that its client leaves', () => {
  it('ends with the try that ran', async () => {
    const cluster = await startTraced({
      workers: [{ script: answer(tokens, { gate: createTokenGate(), tokensBeforeGate: 2 }) }],
    });
    const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
    await stream.next();
    stream.leave();
    await eventually(() =>
      expect(cluster.log.entries()).toContainEqual(expect.objectContaining({ outcome: 'cancelled' })),
    );
    await cluster.spansAfterClose();

    expect(treeOf(roots()[0])).toEqual(['queue', 'route', ['attempt', 'prefill', 'decode']]);
    expect(roots()[0]).toMatchObject({ isError: false, attributes: { 'ai_cluster.outcome': 'cancelled' } });
    expect(named('attempt')[0]).toMatchObject({
      isError: false,
      attributes: { 'ai_cluster.outcome': 'cancelled' },
    });
  });

  it('ends with its wait where it had no worker yet', async () => {
    const cluster = await startTraced({
      workers: [{ slots: 1, script: answer(tokens, { gate: createTokenGate(), tokensBeforeGate: 1 }) }],
    });
    const first = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
    await first.next();
    const second = new AbortController();
    const waiting = post(`${cluster.url}/v1/chat/completions`, params, {}, second.signal);
    await eventually(async () => expect((await cluster.status()).queue).toMatchObject({ waiting: 1 }));
    second.abort();
    await waiting.catch(() => undefined);
    await eventually(async () => expect((await cluster.status()).queue).toMatchObject({ waiting: 0 }));
    first.leave();
    await eventually(() =>
      expect(cluster.log.entries().filter(({ outcome }) => outcome === 'cancelled')).toHaveLength(2),
    );
    await cluster.spansAfterClose();

    expect(roots().map(treeOf)).toContainEqual(['queue']);
  });
});

describe('what is no work of a model', () => {
  it('has no spans: health, lists, metrics, tokenization', async () => {
    const cluster = await startTraced();
    for (const path of ['/health', '/v1/models', '/metrics', '/cluster/status', '/nope']) {
      await (await request(cluster.url + path)).body.dump();
    }
    await post(`${cluster.url}/tokenize`, { model: 'test-model', content: canary });
    await cluster.spansAfterClose();

    expect(collector.spans).toEqual([]);
    expect(cluster.log.entries()).toContainEqual(expect.objectContaining({ path: '/tokenize' }));
  });

  it('is turned away, which is no error of the server', async () => {
    const cluster = await startTraced();
    await post(`${cluster.url}/v1/chat/completions`, { ...params, temperature: canary });
    await cluster.spansAfterClose();

    expect(roots()).toHaveLength(1);
    expect(roots()[0]).toMatchObject({
      name: 'chat unknown',
      isError: false,
      attributes: { 'http.response.status_code': 400, 'ai_cluster.outcome': 'rejected' },
    });
    const told = Object.keys(roots()[0]?.attributes ?? {});
    expect(told.filter((name) => /^gen_ai\.(response|usage)/.test(name))).toEqual([]);
  });
});

describe('a collector that takes nothing', () => {
  it.each([['answers 500'], ['is not there']])(
    '%s: requests do not notice, and the log says it',
    async (how) => {
      const cluster = await startTraced();
      onTestFinished(cluster.close);
      if (how === 'is not there') await collector.close();
      else collector.status = 500;
      const { statusCode } = await post(`${cluster.url}/v1/chat/completions`, params);
      const closingAt = performance.now();
      await cluster.close();

      expect(statusCode).toBe(200);
      expect(performance.now() - closingAt).toBeLessThan(4_000);
      if (how === 'answers 500') expect(collector.headers.length).toBeGreaterThan(0);
      expect(collector.spans).toEqual([]);
      const lines = cluster.log.entries().filter(({ message }) => message === 'traces cannot be sent');
      expect(lines).toMatchObject([{ level: 'error', url: `${collector.endpoint}/v1/traces` }]);
    },
  );
});

/** Of all workers together. */
function firstThen(first: Script, others: Script): Script {
  let calls = 0;
  return (call) => (calls++ === 0 ? first : others)(call);
}

async function post(
  url: string,
  body: object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<{ statusCode: number }> {
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  await response.body.dump();
  return response;
}
