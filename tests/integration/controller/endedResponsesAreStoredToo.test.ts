import path from 'node:path';
import OpenAI from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import { openSqlite } from '../../../src/stores/sqlite.js';
import { eventually } from '../../support/eventually.js';
import type { Script } from '../../support/fakeWorker.js';
import { call, output, text } from '../../support/outputScript.js';
import { eventsOf, lastResponse, streamResponse, summarize } from '../../support/responseStream.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster, testControllerOptions } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, refuse } from '../../support/workerScripts.js';

const model = 'test-model';
const tools = [{ type: 'function', name: 'f', parameters: null, strict: false }];

/** Says one thing and is lost; whoever takes over cannot go on. */
const lostAfter = (said: Parameters<typeof output>[0]): Script =>
  output(said, { fault: (worker) => worker.breakOff() });

async function replay(url: string, id: string) {
  const { body } = await request(`${url}/v1/responses/${id}?stream=true`);
  return eventsOf((await body.text()).split('\n\n').filter(Boolean));
}

it.each([
  ['in a text', [text('Hel')], 'message'],
  ['in a call', [call(0, '', 'f'), call(0, '{"a":')], 'function_call'],
])('a response that fails %s is read and replayed as it was streamed', async (_where, deltas, type) => {
  const { url, client, workers } = await startTestCluster({
    workers: [{ script: refuse('engine_failed', { retryable: false }) }],
  });
  workers[0]?.answerNext(lostAfter(deltas));
  const events = await streamResponse(url, { input: 'Hi', tools });
  const response = lastResponse(events);
  expect(response).toMatchObject({ status: 'failed', output: [{ type, status: 'incomplete' }] });

  const { output_text: _, ...stored } = await client.responses.retrieve(response.id);
  expect(stored).toEqual(response);
  expect(await replay(url, response.id)).toEqual(events);
  const items = await client.responses.inputItems.list(response.id);
  expect(items.data).toMatchObject([{ content: [{ text: 'Hi' }] }]);
});

it('a response that fails before its first word is there, too, where its id was streamed', async () => {
  const { url, client, workers } = await startTestCluster({
    workers: [{ script: refuse('engine_failed', { retryable: false }) }],
  });
  workers[0]?.answerNext(lostAfter([]));
  const response = lastResponse(await streamResponse(url, { input: 'Hi' }));
  expect(await client.responses.retrieve(response.id)).toMatchObject({ status: 'failed', output: [] });
});

it('a response whose client left is cancelled, with what there was', async () => {
  const gate = createTokenGate();
  const { url, client } = await startTestCluster({ workers: [{ script: answer(['Hel', 'lo'], { gate }) }] });
  const stream = await openSse(`${url}/v1/responses`, { model, input: 'Hi', stream: true });
  gate.open(1);
  const frames: string[] = [];
  while (!frames.at(-1)?.includes('"delta":"Hel"')) frames.push((await stream.next()) ?? '');
  const events = eventsOf(frames);
  const [created] = events;
  const { id } = created && 'response' in created ? created.response : { id: '' };
  stream.leave();

  const response = await eventually(() => client.responses.retrieve(id));
  expect(response).toMatchObject({
    status: 'cancelled',
    error: null,
    completed_at: null,
    usage: null,
    output: [{ type: 'message', status: 'incomplete', content: [{ text: 'Hel' }] }],
  });
  expect(await replay(url, id)).toEqual(events);
});

it('a conversation goes on from a failed response with what there was of it', async () => {
  const { url, client, workers } = await startTestCluster({
    workers: [{ script: refuse('engine_failed', { retryable: false }) }],
  });
  workers[0]?.answerNext(
    lostAfter([text('Hel')]),
    refuse('engine_failed', { retryable: false }),
    answer(['ok']),
  );
  const failed = lastResponse(await streamResponse(url, { input: 'one' }));
  await client.responses.create({ model, input: 'two', previous_response_id: failed.id });
  expect(workers[0]?.requests.at(-1)).toMatchObject({
    messages: [{ content: 'one' }, { content: 'Hel' }, { content: 'two' }],
  });
});

it('a response of which the client saw nothing, or that it did not want stored, is not there', async () => {
  const { url, client, workers } = await startTestCluster({
    workers: [{ script: refuse('engine_failed', { retryable: false }) }],
  });
  workers[0]?.answerNext(lostAfter([text('Hel')]));
  const { id } = lastResponse(await streamResponse(url, { input: 'Hi', store: false }));
  await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

it('storing that fails is a failed response, whose events are numbered without a gap', async () => {
  const { dataDir } = testControllerOptions;
  const { url, client } = await startTestCluster({
    workers: [{ script: answer(['Hi']) }],
    controller: { dataDir },
  });
  const database = openSqlite(path.join(dataDir, 'store.db'));
  database.exec('DROP TABLE response_items');
  database.close();

  const events = await streamResponse(url, { input: 'Hi' });
  expect(summarize(events).slice(-2)).toEqual(['output_item.done 0 message completed', 'failed failed 1']);
  expect(lastResponse(events)).toMatchObject({ error: { code: 'server_error' }, completed_at: null });
  await expect(client.responses.retrieve(lastResponse(events).id)).rejects.toBeInstanceOf(OpenAI.APIError);
});
