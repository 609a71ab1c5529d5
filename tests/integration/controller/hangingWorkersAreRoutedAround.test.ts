import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { answer } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
const probeTimings = { intervalMs: 200, timeoutMs: 150, retryMs: 50 };

const node = async (cluster: TestCluster) => (await cluster.status()).nodes[0];

describe('a worker whose heartbeats come, but', () => {
  it.each(['silent', 'broken'] as const)(
    'whose health probes are %s is avoided after the first one, suspect after the third, and comes back',
    async (health) => {
      const cluster = await startTestCluster({ workers: [{}, {}], controller: { probeTimings } });
      const [sick] = cluster.workers;
      if (sick) sick.health = health;
      await eventually(async () => expect(await node(cluster)).toMatchObject({ status: 'degraded' }));
      const before = sick?.requests.length;
      for (let count = 0; count < 5; count++) await cluster.client.chat.completions.create(params);
      expect(sick?.requests).toHaveLength(before ?? -1);

      await eventually(async () =>
        expect(await node(cluster)).toMatchObject({
          state: 'suspect',
          status: 'degraded',
          reason: 'it does not answer health probes',
        }),
      );
      expect(cluster.log.entries()).toContainEqual(
        expect.objectContaining({ message: 'node state', to: 'suspect', reason: 'health probes failed' }),
      );
      if (sick) sick.health = 'ok';
      await eventually(async () =>
        expect(await node(cluster)).toMatchObject({ state: 'ready', reason: null }),
      );
    },
  );

  it('whose requests all fail gets no more after five, until one that is tried succeeds', async () => {
    const cluster = await startTestCluster({ workers: [{}, {}] });
    const [sick] = cluster.workers;
    if (!sick) throw new Error('no worker');
    const healthy = sick.script;
    sick.script = (call) => call.refuse(500, { code: 'engine_failed', message: 'broken', retryable: true });
    for (let count = 0; count < 20; count++) await cluster.client.chat.completions.create(params);
    expect(sick.requests).toHaveLength(5);
    expect(await node(cluster)).toMatchObject({ state: 'ready', status: 'degraded', breaker: 'open' });
    const metrics = await cluster.metrics();
    expect(metrics).toContain('ai_cluster_circuit_breaker_state{node_id="worker_1",state="open"} 1');
    expect(metrics).toContain('ai_cluster_circuit_breaker_transitions_total{node_id="worker_1",to="open"} 1');
    expect(metrics).toContain('ai_cluster_node_status{node_id="worker_1",status="degraded"} 1');

    sick.script = healthy;
    await eventually(
      async () => {
        await cluster.client.chat.completions.create(params);
        expect(await node(cluster)).toMatchObject({ status: 'healthy', breaker: 'closed' });
      },
      { timeout: 12_000, interval: 100 },
    );
  });
});

it('a worker alone whose breaker is open is tried without a wait', async () => {
  const cluster = await startTestCluster({ workers: [{}] });
  const [sick] = cluster.workers;
  if (!sick) throw new Error('no worker');
  sick.script = (call) => call.refuse(500, { code: 'engine_failed', message: 'broken', retryable: true });
  for (let count = 0; count < 2; count++)
    await expect(cluster.client.chat.completions.create(params)).rejects.toMatchObject({ status: 502 });
  expect(await node(cluster)).toMatchObject({ breaker: 'open' });

  sick.script = answer(['back']);
  const startedAt = performance.now();
  const completions = await Promise.all(
    Array.from({ length: 10 }, () => cluster.client.chat.completions.create(params)),
  );
  expect(completions.every(({ choices }) => choices[0]?.message.content === 'back')).toBe(true);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(await node(cluster)).toMatchObject({ breaker: 'closed', status: 'healthy' });
});
