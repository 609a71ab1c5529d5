import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { FakeWorker, Script } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, resetAtOnce } from '../../support/workerScripts.js';

const text = ['one', ' two', ' three'];

async function ask(cluster: TestCluster, content: string, body: object = {}) {
  const {
    statusCode,
    headers,
    body: json,
  } = await request(`${cluster.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content }], ...body }),
  });
  return { status: statusCode, headers, body: (await json.json()) as Record<string, unknown> };
}

const contentOf = ({ request: asked }: Parameters<Script>[0]) =>
  asked.kind === 'chat' ? asked.messages[0]?.content : undefined;

/** Workers that die of prompts with the word `poison` while they read them. */
async function startMortals(
  count: number,
  fault: 'when it arrives' | 'when it is accepted' = 'when it is accepted',
) {
  const cluster = await startTestCluster({ workers: Array.from({ length: count }, () => ({ slots: 8 })) });
  const dead: string[] = [];
  for (const worker of cluster.workers) {
    worker.script = async (call) => {
      if (!contentOf(call)?.includes('poison')) return answer(text)(call);
      if (fault === 'when it is accepted')
        await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      dead.push(worker.nodeId);
      await worker.kill();
    };
  }
  return { cluster, dead };
}

const crashed = { status: 500, body: { error: { type: 'server_error', code: 'request_crashes_workers' } } };

describe.each(['when it arrives', 'when it is accepted'] as const)(
  'a request of which workers die %s',
  (fault) => {
    it('is tried on two of them, and on no third one, however often it is sent', async () => {
      const { cluster, dead } = await startMortals(3, fault);

      const first = await ask(cluster, 'poison');
      const again = await ask(cluster, 'poison', { seed: 5, stream: true });

      expect(first).toMatchObject(crashed);
      expect(first.headers['x-should-retry']).toBe('false');
      expect(again).toMatchObject(crashed);
      expect(dead).toHaveLength(2);
      expect(cluster.workers.map(({ requests }) => requests.length).sort()).toEqual([0, 1, 1]);
      expect(await ask(cluster, 'harmless')).toMatchObject({ status: 200 });
      const quarantined = cluster.log.entries().filter(({ message }) => message === 'request quarantined');
      expect(quarantined).toHaveLength(1);
      expect(cluster.log.text()).not.toContain('poison');
    });
  },
);

it('all choices of a request that kills count as one', async () => {
  const { cluster, dead } = await startMortals(4);
  expect(await ask(cluster, 'poison', { n: 2 })).toMatchObject(crashed);
  expect(dead.length).toBeLessThanOrEqual(2);
});

it('those that stand beside it get their answers', async () => {
  const { cluster, dead } = await startMortals(3);
  const gate = createTokenGate();
  const reading = answer(text, { gate });
  for (const worker of cluster.workers) worker.answerNext(reading, reading);
  const innocent = Array.from({ length: 6 }, (_, index) => ask(cluster, `harmless ${index}`));
  await eventually(() => expect(cluster.workers.map((worker) => worker.slotsBusy())).toEqual([2, 2, 2]));

  expect(await ask(cluster, 'poison')).toMatchObject(crashed);
  gate.open();

  const statuses = (await Promise.all(innocent)).map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  expect(dead).toHaveLength(2);
});

it('a broken connection to a worker that lives is no death', async () => {
  const cluster = await startTestCluster({ workers: [1, 2, 3].map(() => ({ script: resetAtOnce })) });
  expect(await ask(cluster, 'harmless')).toMatchObject({ status: 502 });
  for (const worker of cluster.workers) worker.script = answer(text);
  await eventually(async () =>
    expect((await cluster.status()).nodes.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']),
  );
  expect(await ask(cluster, 'harmless')).toMatchObject({ status: 200 });
});

it('an orderly stop is no death, also where it cuts a request off', async () => {
  const cluster = await startTestCluster({ workers: [1, 2, 3].map(() => ({ script: answer(text) })) });
  for (const worker of cluster.workers.slice(0, 2)) {
    worker.answerNext(async (call) => {
      await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      void worker.setPhase('draining');
      await eventually(async () => {
        const node = (await cluster.status()).nodes.find(({ id }) => id === worker.nodeId);
        expect(node?.state).toBe('draining');
      });
      await worker.kill();
    });
  }
  expect(await ask(cluster, 'harmless')).toMatchObject({ status: 200 });
  expect(cluster.workers.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
});

it('workers that somebody kills are held against nobody, however many', async () => {
  const cluster = await startTestCluster({
    workers: Array.from({ length: 5 }, () => ({ script: answer(text) })),
  });
  const killed: string[] = [];
  for (const worker of cluster.workers) {
    worker.answerNext(async (call) => {
      if (killed.length === 4) return answer(text)(call);
      await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      killed.push(worker.nodeId);
      await cluster.workerKilled(worker.nodeId);
      await worker.kill();
    });
  }
  expect(await ask(cluster, 'harmless')).toMatchObject({ status: 200 });
  expect(killed).toHaveLength(4);
  expect(cluster.log.text()).not.toContain('request quarantined');
});

it('a death after a token is not held against the request', async () => {
  const cluster = await startTestCluster({ workers: [1, 2, 3, 4].map(() => ({ script: answer(text) })) });
  cluster.workers.slice(0, 3).forEach((worker, index) => {
    worker.answerNext(answer(text, { fault: { afterTokens: index + 1, run: () => worker.exit() } }));
  });
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, {
    model: 'test-model',
    messages: [{ role: 'user', content: 'harmless' }],
    stream: true,
  });
  const frames = await stream.rest();
  expect(frames.at(-1)).toBe('data: [DONE]');
  expect(frames.filter((frame) => /" ?(one|two|three)"/.test(frame))).toHaveLength(3);
});

it('a death after a token ends a suspicion: the next ones count anew', async () => {
  const cluster = await startTestCluster({ workers: [1, 2, 3, 4].map(() => ({ script: answer(text) })) });
  const [first, second, third] = cluster.workers as [FakeWorker, FakeWorker, FakeWorker];
  const dieReading = (worker: FakeWorker): Script =>
    answer(text, { fault: { afterTokens: 0, run: () => worker.exit() } });
  first.answerNext(dieReading(first));
  second.answerNext(answer(text, { fault: { afterTokens: 1, run: () => second.exit() } }));
  third.answerNext(answer(text, { fault: { afterTokens: 1, run: () => third.exit() } }));
  expect(await ask(cluster, 'harmless')).toMatchObject({ status: 200 });
});
