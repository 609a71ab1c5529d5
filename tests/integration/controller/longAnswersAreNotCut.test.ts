import { request } from 'undici';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createWorkerClient } from '../../../src/controller/upstream/workerClient.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { toRequest } from '../../support/generate.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';
import { testClusterToken } from '../../support/clusterToken.js';

// The first, because undici's clock is the one that was there when it was first used.
it('of a worker that shows life for an hour, but of one that is silent', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const gate = createTokenGate();
  const tokens = Array.from({ length: 400 }, (_, index) => `${index} `);
  const worker = await startFakeWorker({ script: answer(tokens, { gate }) });
  const client = createWorkerClient({ clusterToken: testClusterToken, silenceTimeoutMs: 10_000 });
  onTestFinished(async () => {
    await client.close();
    await worker.kill();
  });
  let received = 0;
  let failure: unknown;
  const generation = toRequest('Hi', { model: 'test-model' });
  void (async () => {
    for await (const event of client.generate(worker.url, generation, new AbortController().signal))
      if (event.type === 'output') received++;
  })().catch((error: unknown) => (failure = error));

  for (let count = 1; count < tokens.length; count++) {
    gate.open(1);
    await eventually(() => expect(received).toBe(count));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(failure).toBeUndefined();
  }
  await vi.advanceTimersByTimeAsync(5_000);
  await eventually(() => expect(failure).toMatchObject({ name: 'UpstreamError', kind: 'silent' }));
}, 60_000);

it('and connections of clients are kept longer than pools keep them', async () => {
  const { url } = await startTestCluster();
  const { headers, body } = await request(`${url}/health`);
  await body.dump();
  const [, seconds] = /^timeout=(\d+)$/.exec(String(headers['keep-alive'])) ?? [];
  expect(Number(seconds)).toBeGreaterThanOrEqual(65);
});
