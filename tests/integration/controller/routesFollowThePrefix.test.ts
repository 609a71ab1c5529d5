import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { RoutingReceipt } from '../../../src/protocol/routing.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster } from '../../support/realCluster.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';

const long = (begin: string) => begin + 'It was a bright cold day in April. '.repeat(40);

interface Sent {
  readonly status: number;
  readonly receipt: RoutingReceipt | undefined;
}

async function send(url: string, body: object, headers: Record<string, string> = {}): Promise<Sent> {
  const answer = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-ai-cluster-explain': 'route', ...headers },
    body: JSON.stringify(body),
  });
  await answer.body.dump();
  const header = answer.headers['x-ai-cluster-route'];
  return {
    status: answer.statusCode,
    receipt: header === undefined ? undefined : (JSON.parse(String(header)) as RoutingReceipt),
  };
}

const ask = (content: string, fields: object = {}) => ({
  model: 'test-model',
  messages: [{ role: 'user', content }],
  ...fields,
});

/** Two workers that say what they hold, as real ones do. */
async function startTwoWorkers(
  routing: 'prefix-aware' | 'round-robin' = 'prefix-aware',
): Promise<TestCluster> {
  const cluster = await startTestCluster({ workers: [{}, {}], controller: { routing } });
  for (const worker of cluster.workers) {
    worker.script = async (call) => {
      const { hashes = [] } = call.request.prefixChain ?? {};
      await call.send({ type: 'accepted', promptTokens: 400, cachedTokens: 7 });
      await call.send({ type: 'output', choice: 0, tokenIds: [1], deltas: [{ type: 'text', delta: 'hi' }] });
      await call.send({
        type: 'done',
        deltas: [],
        finishReason: 'stop',
        usage: { promptTokens: 400, completionTokens: 1, reasoningTokens: 0, cachedTokens: 7 },
        timings: { prefillMs: 1, decodeMs: 1 },
        cachedPrefix: hashes.map((hash, block) => [hash, (block + 1) * 64]),
      });
    };
  }
  return cluster;
}

describe('a conversation', () => {
  it('goes on where it was, and others go where there is more room', async () => {
    const cluster = await startTwoWorkers();
    const nodeOf = async (name: string) => (await send(cluster.url, ask(long(name)))).receipt?.nodeId;
    const homes = new Map<string, string | undefined>();
    for (const name of ['Ann', 'Bob', 'Cid', 'Dan']) homes.set(name, await nodeOf(name));
    expect(new Set(homes.values())).toEqual(new Set(['worker_1', 'worker_2']));
    for (const [name, home] of homes) {
      const { receipt } = await send(cluster.url, ask(long(name)));
      const cachedOn = receipt?.candidates.filter(({ cachedTokens }) => cachedTokens > 0);
      expect(cachedOn?.map(({ nodeId }) => nodeId)).toContain(home);
      // On a busy machine a worker may look so slow that reading it all elsewhere is the sooner end.
      if (receipt?.nodeId !== home) expect(receipt?.reason).not.toBe('prefix');
    }
  });

  it('goes where a worker says in its heartbeats that it is held, and forgets what it holds no more', async () => {
    const cluster = await startTwoWorkers();
    const [first, second] = cluster.workers;
    await send(cluster.url, ask(long('Ann')));
    const { hashes = [] } = first?.requests[0]?.prefixChain ?? {};
    await first?.hold([['0000000000000000', 1]]);
    await second?.hold(hashes.map((hash, block) => [hash, (block + 1) * 64]));
    const { receipt } = await send(cluster.url, ask(long('Ann')));
    expect(receipt?.nodeId).toBe('worker_2');
    expect(receipt?.candidates.map(({ cachedTokens }) => cachedTokens)).toEqual([320, 0]);
  });

  it('goes anywhere where the policy does not care', async () => {
    const cluster = await startTwoWorkers('round-robin');
    const nodes = [];
    for (let turn = 0; turn < 4; turn++)
      nodes.push((await send(cluster.url, ask(long('Ann')))).receipt?.nodeId);
    expect(nodes).toEqual(['worker_1', 'worker_2', 'worker_1', 'worker_2']);
  });
});

describe('the receipt of a route', () => {
  it('says who could have run the request, what was expected, and what the worker said, without the prompt', async () => {
    const cluster = await startTwoWorkers();
    await send(cluster.url, ask(long('canary')));
    const { receipt } = await send(cluster.url, ask(long('canary')));
    expect(receipt).toMatchObject({
      policy: 'prefix-aware',
      reason: 'prefix',
      nodeId: 'worker_1',
      promptTokens: 400,
      expectedCachedTokens: 320,
      cachedTokens: 7,
    });
    expect(receipt?.candidates.map(({ nodeId }) => nodeId).sort()).toEqual(['worker_1', 'worker_2']);
    expect(JSON.stringify(receipt)).not.toContain('canary');
  });

  it('comes with a stream as well, in time for its headers', async () => {
    const cluster = await startTwoWorkers();
    const { receipt } = await send(cluster.url, ask('hi', { stream: true }));
    expect(receipt).toMatchObject({ reason: 'load', expectedCachedTokens: 0, cachedTokens: 7 });
  });

  it('comes only when it is asked for, and not where nothing was routed', async () => {
    const cluster = await startTwoWorkers();
    const { receipt } = await send(cluster.url, ask('hi'), { 'x-ai-cluster-explain': 'queue' });
    expect(receipt).toBeUndefined();
    expect(await send(cluster.url, { model: 'nope', messages: [] })).toEqual({
      status: 400,
      receipt: undefined,
    });
  });

  it('is in the log at debug level for every request, and in the metrics', async () => {
    const cluster = await startTwoWorkers();
    await send(cluster.url, ask(long('canary')));
    await send(cluster.url, ask(long('canary')));
    const routes = cluster.log.entries().filter(({ message }) => message === 'route');
    expect(routes).toHaveLength(2);
    expect(routes[1]).toMatchObject({
      level: 'debug',
      model: 'test-model',
      reason: 'prefix',
      cachedTokens: 7,
    });
    expect(cluster.log.text()).not.toContain('canary');
    await eventually(async () => {
      const metrics = await cluster.metrics();
      expect(metrics).toContain(
        'ai_cluster_routing_decisions_total{policy="prefix-aware",reason="prefix"} 1',
      );
      const node = 'model="test-model",node_id="worker_1"';
      expect(metrics).toContain(`ai_cluster_prefix_cache_expected_tokens_total{${node}} 320`);
      expect(metrics).toContain(`ai_cluster_prompt_cached_tokens_total{${node}} 14`);
      expect(metrics).toContain(`ai_cluster_prefix_cache_queried_tokens_total{${node}} 800`);
    });
  });
});

it('a real worker says what it holds when it is done', { timeout: 120_000 }, async () => {
  const cluster = await startRealCluster();
  try {
    const body = { ...ask(long('Ann')), model: 'tiny', max_tokens: 4 };
    const first = await send(cluster.url, body);
    expect(first.receipt).toMatchObject({ expectedCachedTokens: 0, cachedTokens: 0 });
    const second = await send(cluster.url, body);
    const { expectedCachedTokens = 0, cachedTokens = 0, promptTokens = 0 } = second.receipt ?? {};
    expect(cachedTokens).toBe(promptTokens - 1);
    expect(expectedCachedTokens).toBeGreaterThan(0.7 * cachedTokens);
    expect(expectedCachedTokens).toBeLessThanOrEqual(promptTokens);
  } finally {
    await cluster.close();
  }
});
