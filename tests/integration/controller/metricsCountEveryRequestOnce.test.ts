import { spawnSync } from 'node:child_process';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { listMetrics } from '../../../src/observability/metrics/metricNames.js';
import { eventually } from '../../support/eventually.js';
import { familiesOf } from '../../support/metricsText.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, refuse } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

/** All families of a controller, and their types. */
const families = new Map(
  listMetrics()
    .filter(({ owner }) => owner === 'controller')
    .map(({ spec }) => [spec.name as string, spec.type]),
);

/** Samples by name and labels, as `name{a="1",b="2"}`, labels in alphabetical order. */
function parseSamples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const sorted = (labels.match(/\w+="[^"]*"/g) ?? []).sort().join(',');
      return [`${name}{${sorted}}`, Number(value)];
    }),
  );
}

const isOurs = (name: string) => name.startsWith('ai_cluster_');
/** Series of our counters that are not zero. */
function countsOf(text: string): Record<string, number> {
  const counters = [...families].filter(([, type]) => type === 'counter').map(([name]) => name);
  const entries = [...parseSamples(text)].filter(
    ([series, value]) => value !== 0 && counters.some((name) => series.startsWith(`${name}{`)),
  );
  return Object.fromEntries(entries);
}

function post({ url }: TestCluster, fields: object = {}, path = '/v1/chat/completions') {
  return request(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...params, ...fields }),
  });
}

const finished = (cluster: TestCluster, count: number) =>
  eventually(() =>
    expect(cluster.log.entries().filter(({ message }) => message === 'request')).toHaveLength(count),
  );

describe('the first scrape', () => {
  it('has every family with its type and help', async () => {
    const text = await (await startTestCluster()).metrics();
    expect(new Map([...familiesOf(text)].filter(([name]) => isOurs(name)))).toStrictEqual(families);
    for (const name of families.keys()) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
  });

  it('has the configured models and nodes at zero before any of them is there', async () => {
    const cluster = await startTestCluster({
      workers: [],
      controller: { models: ['m1', 'org/m2'], nodeIds: ['worker_1', 'worker_2'] },
    });
    const samples = parseSamples(await cluster.metrics());

    const expected = ['m1', 'org/m2'].flatMap((model) => [
      ...['success', 'error', 'cancelled', 'rejected'].flatMap((status) => [
        `ai_cluster_inference_requests_total{model="${model}",status="${status}"}`,
        `ai_cluster_streaming_requests_total{model="${model}",status="${status}"}`,
        `ai_cluster_api_key_requests_total{key_id="anonymous",status="${status}"}`,
      ]),
      `ai_cluster_tokens_generated_total{model="${model}",type="prompt"}`,
      `ai_cluster_tokens_generated_total{model="${model}",type="completion"}`,
      `ai_cluster_streaming_duration_seconds_count{model="${model}"}`,
      `ai_cluster_queue_wait_seconds_count{model="${model}"}`,
      `ai_cluster_queue_depth{model="${model}",queue="admission"}`,
      `ai_cluster_queue_depth{model="${model}",queue="batch"}`,
      ...['worker_1', 'worker_2'].flatMap((node) => [
        `ai_cluster_inference_duration_seconds_count{model="${model}",node_id="${node}"}`,
        `ai_cluster_time_to_first_token_seconds_count{model="${model}",node_id="${node}"}`,
        `ai_cluster_tokens_per_second{model="${model}",node_id="${node}"}`,
        `ai_cluster_model_load_time_seconds{model="${model}",node_id="${node}"}`,
        `ai_cluster_model_memory_bytes{model="${model}",node_id="${node}"}`,
        `ai_cluster_cluster_active_requests{node_id="${node}"}`,
      ]),
    ]);
    expected.push(
      'ai_cluster_api_key_rate_limit_hits_total{key_id="anonymous"}',
      'ai_cluster_http_requests_total{method="POST",path="/v1/chat/completions",status="200"}',
      'ai_cluster_http_requests_total{method="GET",path="/health",status="200"}',
      'ai_cluster_http_request_duration_seconds_count{method="POST",path="/v1/completions",status="200"}',
      'ai_cluster_cluster_nodes_total{status="healthy"}',
      'ai_cluster_cluster_nodes_total{status="offline"}',
    );
    expect(expected.filter((series) => samples.get(series) !== 0)).toStrictEqual([]);
    expect(samples.get('ai_cluster_cluster_nodes_total{status="degraded"}')).toBe(2);
    expect(samples.get('ai_cluster_config_min_healthy_nodes{}')).toBe(2);
  });

  it('is text in the format of Prometheus', async () => {
    const { url } = await startTestCluster();
    const response = await request(`${url}/metrics`);
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await response.body.text()).endsWith('\n')).toBe(true);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  it.skipIf(!hasPromtool)('passes promtool but for the gauge that is called _total', async () => {
    const cluster = await startTestCluster();
    await post(cluster);
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await cluster.metrics(),
      encoding: 'utf8',
    });
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('ai_cluster_'));
    expect(complaints).toStrictEqual([
      'ai_cluster_cluster_nodes_total non-counter metrics should not have "_total" suffix',
    ]);
    expect(`${stdout}${stderr}`).not.toMatch(/error|invalid|parsing/i);
  });
});

it('after a known load the counters equal the ledger', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a', 'b', 'c']) }],
    controller: { queueLimit: 0 },
  });
  const worker = cluster.workers[0];
  const stream = () => openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  const read = async (response: Awaited<ReturnType<typeof post>>) => {
    await response.body.dump();
    return response.statusCode;
  };

  // 3 JSON answers of 7 prompt and 3 completion tokens, one of them at the alias; 2 streams; 1 cut by max_tokens.
  expect(await read(await post(cluster))).toBe(200);
  expect(await read(await post(cluster))).toBe(200);
  expect(await read(await post(cluster, {}, '/chat/completions'))).toBe(200);
  await (await stream()).rest();
  await (await stream()).rest();
  expect(await read(await post(cluster, { max_tokens: 2 }))).toBe(200);
  // A stream that is resumed once and counted once.
  worker?.answerNext(
    answer(['a', 'b', 'c'], {
      fault: {
        afterTokens: 2,
        run: (call) =>
          call.send({ type: 'error', code: 'engine_failed', message: 'scripted', retryable: true }),
      },
    }),
  );
  await (await stream()).rest();
  // A stream whose client leaves after two of three tokens, while another one finds the queue full.
  worker?.answerNext(answer(['a', 'b', 'c'], { gate, tokensBeforeGate: 2 }));
  const left = await stream();
  for (let count = 0; count < 3; count++) await left.next();
  expect(await read(await post(cluster))).toBe(503);
  left.leave();
  await finished(cluster, 9);
  // Failures on every attempt, and after tokens.
  worker?.answerNext(...[1, 2, 3].map(() => refuse('engine_failed', { retryable: true })));
  expect(await read(await post(cluster))).toBe(502);
  worker?.answerNext(
    answer(['a', 'b', 'c'], {
      fault: {
        afterTokens: 1,
        run: (call) =>
          call.send({ type: 'error', code: 'engine_failed', message: 'scripted', retryable: false }),
      },
    }),
  );
  await (await stream()).rest();
  // Rejections: 400 (JSON), 400 (field), 400 (stream), 404, 400 by the worker; 404 and 405 that are no inference.
  await read(
    await request(`${cluster.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    }),
  );
  expect(await read(await post(cluster, { temperature: 9 }))).toBe(400);
  expect(await read(await post(cluster, { functions: [{ name: 'f' }], stream: true }))).toBe(400);
  expect(await read(await post(cluster, { model: 'nope', stream: true }))).toBe(404);
  worker?.answerNext(refuse('context_length_exceeded', { retryable: false }));
  expect(await read(await post(cluster))).toBe(400);
  expect(await read(await post(cluster, {}, '/v1/nowhere'))).toBe(404);
  await (await request(`${cluster.url}/v1/models/test-model`)).body.dump();
  await (await request(`${cluster.url}/v1/chat/completions`)).body.dump();
  await finished(cluster, 19);

  const text = await cluster.metrics();
  const counts = countsOf(text);
  // The test itself polled the status; the others go on by themselves, or are many lines.
  const others = /\/cluster\/status|_health_checks_|_log_events_|direction="received"|type="health"/;
  for (const series of Object.keys(counts)) if (others.test(series)) delete counts[series];
  const http = (method: string, path: string, status: number) =>
    `ai_cluster_http_requests_total{method="${method}",path="${path}",status="${status}"}`;
  const attempts = (attempt: string, outcome: string) =>
    `ai_cluster_upstream_attempts_total{attempt="${attempt}",node_id="worker_1",outcome="${outcome}"}`;
  const chat = '/v1/chat/completions';
  expect(counts).toStrictEqual({
    [http('POST', chat, 200)]: 9,
    [http('POST', chat, 400)]: 4,
    [http('POST', chat, 404)]: 1,
    [http('POST', chat, 502)]: 1,
    [http('POST', chat, 503)]: 1,
    [http('POST', 'unmatched', 404)]: 1,
    [http('GET', chat, 405)]: 1,
    [http('GET', '/v1/models/*id', 200)]: 1,
    'ai_cluster_inference_requests_total{model="test-model",status="success"}': 7,
    'ai_cluster_inference_requests_total{model="test-model",status="cancelled"}': 1,
    'ai_cluster_inference_requests_total{model="test-model",status="error"}': 2,
    'ai_cluster_inference_requests_total{model="test-model",status="rejected"}': 3,
    'ai_cluster_inference_requests_total{model="unknown",status="rejected"}': 3,
    'ai_cluster_streaming_requests_total{model="test-model",status="success"}': 3,
    'ai_cluster_streaming_requests_total{model="test-model",status="cancelled"}': 1,
    'ai_cluster_streaming_requests_total{model="test-model",status="error"}': 1,
    'ai_cluster_streaming_requests_total{model="test-model",status="rejected"}': 1,
    'ai_cluster_streaming_requests_total{model="unknown",status="rejected"}': 1,
    'ai_cluster_api_key_requests_total{key_id="anonymous",status="success"}': 7,
    'ai_cluster_api_key_requests_total{key_id="anonymous",status="cancelled"}': 1,
    'ai_cluster_api_key_requests_total{key_id="anonymous",status="error"}': 2,
    'ai_cluster_api_key_requests_total{key_id="anonymous",status="rejected"}': 6,
    'ai_cluster_queue_rejected_total{reason="full"}': 1,
    'ai_cluster_client_disconnects_total{phase="decode"}': 1,
    // Each 4xx that is no abort, the full queue, and each try that failed.
    'ai_cluster_errors_total{class="validation",node_id="none"}': 7,
    'ai_cluster_errors_total{class="overload",node_id="none"}': 1,
    'ai_cluster_errors_total{class="worker",node_id="worker_1"}': 5,
    // One was cut by max_tokens; the one that failed on every try had no token.
    'ai_cluster_request_finished_total{model="test-model",reason="stop"}': 6,
    'ai_cluster_request_finished_total{model="test-model",reason="length"}': 1,
    'ai_cluster_request_finished_total{model="test-model",reason="cancelled"}': 1,
    'ai_cluster_request_finished_total{model="test-model",reason="error"}': 1,
    'ai_cluster_upstream_messages_total{direction="sent",type="request"}': 9 + 1 + 4,
    // Seven successes, one cancelled, one failed after a token.
    'ai_cluster_tokens_generated_total{model="test-model",type="prompt"}': 9 * 7,
    'ai_cluster_tokens_generated_total{model="test-model",type="completion"}': 6 * 3 + 2 + 2 + 1,
    [attempts('first', 'success')]: 6,
    [attempts('first', 'cancelled')]: 1,
    [attempts('first', 'error')]: 3,
    [attempts('first', 'refused')]: 1,
    [attempts('retry', 'error')]: 2,
    [attempts('resume', 'success')]: 1,
    'ai_cluster_retries_total{reason="error"}': 3,
    'ai_cluster_stream_resumes_total{result="success"}': 1,
    // The cancelled one, the one that was resumed and the one that failed after a token.
    'ai_cluster_tokens_wasted_total{}': 3 * 7,
    'ai_cluster_prefix_cache_queried_tokens_total{model="test-model",node_id="worker_1"}': 9 * 7,
    // Every attempt: that of each answer, of the refused one, and the further ones of those that were tried again.
    'ai_cluster_routing_decisions_total{policy="prefix-aware",reason="load"}': 9 + 1 + 4,
  });

  const samples = parseSamples(text);
  const onWorker = 'model="test-model",node_id="worker_1"';
  // Successes, the cancelled one and the errors; never the rejected ones.
  expect(samples.get(`ai_cluster_inference_duration_seconds_count{${onWorker}}`)).toBe(10);
  expect(samples.get(`ai_cluster_time_to_first_token_seconds_count{${onWorker}}`)).toBe(9);
  expect(samples.get('ai_cluster_streaming_duration_seconds_count{model="test-model"}')).toBe(5);
  expect(samples.get('ai_cluster_queue_wait_seconds_count{model="test-model"}')).toBe(11);
  expect(samples.get('ai_cluster_cluster_active_requests{node_id="worker_1"}')).toBe(0);
  expect(samples.get('ai_cluster_queue_depth{model="test-model",queue="admission"}')).toBe(0);
  expect(samples.get(`ai_cluster_tokens_per_second{${onWorker}}`)).toBeGreaterThan(0);

  const { totals } = await cluster.status();
  expect(totals).toMatchObject({ requests: 16, errors: 2 });
});

it('a stream that the drain cuts is an error, not a request that never ran', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ script: answer(['a', 'b'], { gate, tokensBeforeGate: 1 }) }],
  });
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, { ...params, stream: true });
  await stream.next();
  expect(await stream.next()).toContain('"a"');

  await cluster.close();

  const entry = cluster.log.entries().find(({ message }) => message === 'request');
  expect(entry).toMatchObject({ outcome: 'error', completionTokens: 1 });
});

it('gauges tell the truth of the moment', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }, { models: ['other'] }],
    controller: { models: ['test-model', 'other'] },
  });
  const held = [post(cluster), post(cluster), post(cluster)];
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(2));
  const busy = parseSamples(await cluster.metrics());
  expect(busy.get('ai_cluster_cluster_active_requests{node_id="worker_1"}')).toBe(1);
  expect(busy.get('ai_cluster_cluster_active_requests{node_id="worker_2"}')).toBe(0);
  expect(busy.get('ai_cluster_queue_depth{model="test-model",queue="admission"}')).toBe(2);
  expect(busy.get('ai_cluster_queue_depth{model="other",queue="admission"}')).toBe(0);
  expect(busy.get('ai_cluster_cluster_nodes_total{status="healthy"}')).toBe(2);
  expect(busy.get('ai_cluster_model_memory_bytes{model="other",node_id="worker_2"}')).toBe(1_000_000);
  expect(busy.get('ai_cluster_model_load_time_seconds{model="other",node_id="worker_2"}')).toBe(1.5);

  gate.open();
  await Promise.all(held);
  await cluster.workers[1]?.kill();
  await eventually(async () => {
    const idle = parseSamples(await cluster.metrics());
    expect(idle.get('ai_cluster_cluster_active_requests{node_id="worker_1"}')).toBe(0);
    expect(idle.get('ai_cluster_cluster_nodes_total{status="offline"}')).toBe(1);
    expect(idle.get('ai_cluster_model_memory_bytes{model="other",node_id="worker_2"}')).toBe(0);
  });
});

it('what clients send makes no new series', async () => {
  const cluster = await startTestCluster();
  const send = async (name: string) => {
    await (await request(`${cluster.url}/${name}`)).body.dump();
    await (await request(`${cluster.url}/v1/models/${name}`)).body.dump();
    await (await post(cluster, { model: name, stream: true })).body.dump();
    await (await post(cluster, { messages: name })).body.dump();
    for (const method of ['PROPFIND', 'PURGE', 'DELETE']) {
      await (await request(`${cluster.url}/x/${name}`, { method: method as 'DELETE' })).body.dump();
    }
    await (
      await request(`${cluster.url}/v1/models?${name}`, {
        headers: { 'x-request-id': name, 'x-api-key': name },
      })
    ).body.dump();
  };
  const series = async () => [...parseSamples(await cluster.metrics()).keys()].filter(isOurs).sort();
  await send('first');
  const before = await series();

  for (let count = 0; count < 50; count++) await send(`random-${count}-${Math.random()}`);

  expect(await series()).toStrictEqual(before);
  expect(before.length).toBeLessThan(2_000);
  expect(before.join('\n')).not.toMatch(/random|first"|PROPFIND|PURGE/);
});
