import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Script } from '../../support/fakeWorker.js';
import { chunksOf, openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, stall } from '../../support/workerScripts.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };

/** Each choice says which one it is. */
const sayChoice: Script = (call) => answer([`choice ${call.request.choice}`, '!'])(call);

it('with seeds of their own, the prompt counted once and the tokens summed', async () => {
  const { client, workers } = await startTestCluster({ workers: [{ script: sayChoice }] });

  const completion = await client.chat.completions.create({ ...params, n: 3, seed: 41 });

  expect(completion.choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, 'choice 0!'],
    [1, 'choice 1!'],
    [2, 'choice 2!'],
  ]);
  expect(completion.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6, total_tokens: 13 });
  const seeds = workers[0]?.requests.map(({ choice, sampling }) => [choice, sampling.seed]);
  expect(seeds?.sort()).toEqual([
    [0, 41],
    [1, 42],
    [2, 43],
  ]);
});

it('in a stream, each with one role and one finish reason', async () => {
  const { url } = await startTestCluster({ workers: [{ script: sayChoice }] });

  const stream = await openSse(`${url}/v1/chat/completions`, { ...params, n: 2, stream: true });
  const choices = chunksOf(await stream.rest()).flatMap((chunk) => chunk.choices);

  for (const index of [0, 1]) {
    const own = choices.filter((choice) => choice.index === index);
    expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(`choice ${index}!`);
    expect(own.filter(({ delta }) => delta.role !== undefined)).toHaveLength(1);
    expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(['stop']);
    expect(own[0]?.delta.role).toBe('assistant');
    expect(own.at(-1)).toMatchObject({ delta: {}, finish_reason: 'stop' });
  }
});

it('where there are fewer slots than choices, one after another', async () => {
  const { client, workers } = await startTestCluster({ workers: [{ script: sayChoice, slots: 1 }] });

  const completion = await client.chat.completions.create({ ...params, n: 4 });

  expect(completion.choices.map(({ message }) => message.content)).toEqual(
    [0, 1, 2, 3].map((choice) => `choice ${choice}!`),
  );
  expect(workers[0]?.requests).toHaveLength(4);
});

it('and all end where one of them fails', async () => {
  const gate = createTokenGate();
  const { client, workers } = await startTestCluster({
    workers: [
      {
        script: (call) =>
          call.request.choice === 1
            ? call.send({ type: 'error', code: 'unsupported_schema', message: 'no', retryable: false })
            : answer(['a'], { gate })(call),
      },
    ],
  });

  await expect(client.chat.completions.create({ ...params, n: 3 })).rejects.toMatchObject({ status: 400 });
  await eventually(() => expect(workers[0]?.slotsBusy()).toBe(0));
});

it('and none runs on for a client that left', async () => {
  const { client, workers } = await startTestCluster({ workers: [{ script: stall }] });
  const abort = new AbortController();

  const completion = client.chat.completions.create({ ...params, n: 3 }, { signal: abort.signal });
  await eventually(() => expect(workers[0]?.slotsBusy()).toBe(3));
  abort.abort();

  await expect(completion).rejects.toThrow();
  await eventually(() => expect(workers[0]?.slotsBusy()).toBe(0));
});
