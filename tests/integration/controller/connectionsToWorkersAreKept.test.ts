import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Script } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { answer } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

/** The last event and the end of the body in packets of their own, as a busy worker sends them. */
const endLate: Script = (call) =>
  answer(['a'])({
    ...call,
    send: async (event) => {
      if (event.type !== 'done') return call.send(event);
      await call.sendLine(JSON.stringify(event));
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      call.end();
    },
  });

it.each([
  ['at once', answer(['a'])],
  ['late', endLate],
])('requests to a worker that ends its streams %s share connections', async (_name, script) => {
  const { workers, client, url } = await startTestCluster({ workers: [{ script }] });

  for (let count = 0; count < 20; count++) {
    await client.chat.completions.create(params);
    const stream = await openSse(`${url}/v1/chat/completions`, { ...params, stream: true });
    expect((await stream.rest()).at(-1)).toBe('data: [DONE]');
  }

  // A second one where a request comes before the connection of the first is free again.
  expect(workers[0]?.connections()).toBeLessThanOrEqual(2);
  expect(workers[0]?.aborts).toStrictEqual([]);
});
