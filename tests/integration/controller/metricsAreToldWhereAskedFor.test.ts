import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { startController } from '../../../src/controller/startController.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { familiesOf, samplesOf, sumOf } from '../../support/metricsText.js';
import { captureLog, startTestCluster, testControllerOptions } from '../../support/testCluster.js';
import { answer } from '../../support/workerScripts.js';

const textOf = async (url: string) => (await request(url)).body.text();

it('under another name, too', async () => {
  const { url } = await startTestCluster();
  const families = familiesOf(await textOf(`${url}/prometheus`));
  expect([...families.keys()]).toEqual([...familiesOf(await textOf(`${url}/metrics`)).keys()]);
  expect(families.size).toBeGreaterThan(50);
});

it('compressed where that is accepted', async () => {
  const { url } = await startTestCluster();
  const { headers, body } = await request(`${url}/metrics`, { headers: { 'accept-encoding': 'gzip' } });
  expect(headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(await body.arrayBuffer()).toString()).toContain('ai_cluster_uptime_seconds');
});

it('on a port of their own, and nowhere else', async () => {
  const controller = await startController({
    ...testControllerOptions,
    metricsPort: 0,
    logger: captureLog().logger,
  });
  onTestFinished(() => controller.close());
  const { url, metricsUrl } = controller;
  expect(new URL(metricsUrl).port).not.toBe(new URL(url).port);
  expect(await textOf(metricsUrl)).toContain('ai_cluster_uptime_seconds');
  expect((await request(`${url}/metrics`)).statusCode).toBe(404);
  expect((await request(new URL('/v1/models', metricsUrl).href)).statusCode).toBe(404);
});

it('not at all where they are switched off; the status still counts', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: answer(['a']) }],
    controller: { metrics: { isEnabled: false } },
  });
  await cluster.client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi' }],
  });
  const { statusCode, body } = await request(`${cluster.url}/metrics`);
  expect(statusCode).toBe(404);
  expect(await body.text()).toContain('METRICS_ENABLED=1');
  expect((await cluster.status()).totals).toMatchObject({ requests: 1, errors: 0 });
});

it('as many as are asked for by name', async () => {
  const cluster = await startTestCluster({
    controller: {
      metrics: { shown: { include: ['ai_cluster_queue_*', 'process_*'], exclude: ['*_bytes'] } },
    },
  });
  const names = [...familiesOf(await cluster.metrics()).keys()];
  expect(names).toContain('ai_cluster_queue_depth');
  expect(names).toContain('process_cpu_seconds_total');
  expect(
    names.filter((name) => !/^(ai_cluster_queue_|process_)/.test(name) || name.endsWith('_bytes')),
  ).toEqual([]);
});

it('where everybody is, for Prometheus: a worker that is gone stays, one that is removed does not', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-targets-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const cluster = await startTestCluster({ controller: { scrapeTargetsDir: folder } });
  const [first] = cluster.workers;
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(folder, `${name}.json`), 'utf8'));
  const groupOf = (url: string, labels: object) => ({ targets: [new URL(url).host], labels });

  expect(await read('controllers')).toEqual([groupOf(cluster.url, { role: 'controller' })]);
  const ofFirst = groupOf(first?.url ?? '', { role: 'worker', node_id: 'worker_1' });
  await eventually(async () => expect(await read('workers')).toEqual([ofFirst]));

  const second = await startFakeWorker({ nodeId: 'worker_2' });
  onTestFinished(() => second.kill());
  second.join(cluster.url);
  const ofSecond = groupOf(second.url, { role: 'worker', node_id: 'worker_2' });
  await eventually(async () => expect(await read('workers')).toEqual([ofFirst, ofSecond]));
  await first?.kill();
  await eventually(async () => {
    const { nodes } = await cluster.status();
    expect(nodes.find(({ id }) => id === 'worker_1')?.status).toBe('offline');
  });
  expect(await read('workers')).toEqual([ofFirst, ofSecond]);
});

it('a folder for the targets that cannot be written is told, and costs nothing else', async () => {
  const belowAFile = path.join(fileURLToPath(import.meta.url), 'targets');
  const cluster = await startTestCluster({ controller: { scrapeTargetsDir: belowAFile } });
  const messages = cluster.log.entries().map(({ message }) => message);
  expect(messages).toContain('targets for Prometheus cannot be written');
  expect((await request(`${cluster.url}/health`)).statusCode).toBe(200);
});

it('what an answer takes: its parts are its whole time, and the controller takes little of it', async () => {
  const cluster = await startTestCluster({ workers: [{ script: answer(['a', 'b', 'c', 'd']) }] });
  await cluster.client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 4,
  });
  const text = await cluster.metrics();
  const stages = samplesOf(text, 'ai_cluster_stage_duration_seconds_sum');
  const whole = sumOf(text, 'ai_cluster_inference_duration_seconds_sum');
  const parts = Object.values(stages).reduce((sum, seconds) => sum + seconds, 0);
  expect(Math.abs(parts - whole)).toBeLessThan(whole / 100);
  expect(sumOf(text, 'ai_cluster_router_overhead_seconds_sum')).toBeLessThan(whole);
  expect(sumOf(text, 'ai_cluster_inter_token_latency_seconds_count')).toBe(3);
  expect(sumOf(text, 'ai_cluster_request_time_per_output_token_seconds_count')).toBe(1);
  expect(sumOf(text, 'ai_cluster_request_max_tokens_sum')).toBe(4);
  const labels = { node_id: 'worker_1', phase: 'first_byte' };
  expect(sumOf(text, 'ai_cluster_upstream_latency_seconds_count', labels)).toBe(1);
  expect(sumOf(text, 'ai_cluster_upstream_latency_seconds_count', { ...labels, phase: 'connect' })).toBe(1);
});
