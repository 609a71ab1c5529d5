import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { request } from 'undici';
import { DeletedResponse, InputItemList } from '../../../src/protocol/openai/responses/stored.js';
import type { ErrorBody } from '../../../src/protocol/apiError.js';
import { call, output, reasoning, text } from '../../support/outputScript.js';
import { eventsOf, lastResponse, streamResponse } from '../../support/responseStream.js';
import { startTestCluster, testControllerOptions, type TestCluster } from '../../support/testCluster.js';
import { answer } from '../../support/workerScripts.js';

const model = 'test-model';
const hello = output([text('Hel'), { deltas: [text('lo'), text(' 🦙')] }]);

async function get(url: string, method: 'GET' | 'POST' | 'DELETE' = 'GET') {
  const { statusCode, body, headers } = await request(url, { method });
  return { status: statusCode, text: await body.text(), type: headers['content-type'] };
}

async function errorOf(url: string, method?: 'GET' | 'POST' | 'DELETE') {
  const { status, text } = await get(url, method);
  const { message, type, param, code } = (JSON.parse(text) as ErrorBody).error;
  expect(type).toBe('invalid_request_error');
  return [status, code, param, message];
}

const say = ({ client }: TestCluster, input: string, previous?: OpenAI.Responses.Response) =>
  client.responses.create({ model, input, previous_response_id: previous?.id ?? null });

describe('a stored response', () => {
  it('is the one that was created', async () => {
    const { client } = await startTestCluster({ workers: [{ script: hello }] });
    const created = await client.responses.create({ model, input: 'Hi', metadata: { a: 'b' } });
    expect(await client.responses.retrieve(created.id)).toEqual(created);
  });

  it('is the same whatever else is to be included or padded', async () => {
    const { client, url } = await startTestCluster({ workers: [{ script: hello }] });
    const { id } = await client.responses.create({ model, input: 'Hi' });
    const include = ['message.output_text.logprobs' as const];
    expect(await client.responses.retrieve(id, { include })).toEqual(await client.responses.retrieve(id));
    const items = (params: OpenAI.Responses.InputItemListParams) =>
      client.responses.inputItems.list(id, params).then(({ data }) => data);
    expect(await items({ include })).toEqual(await items({}));
    const path = `${url}/v1/responses/${id}?stream=true`;
    expect(await get(`${path}&include_obfuscation=true`)).toEqual(await get(path));
  });

  it('is there before its client sees that it is complete', async () => {
    const { client } = await startTestCluster({ workers: [{ script: hello }] });
    const checked: string[] = [];
    for await (const event of await client.responses.create({ model, input: 'Hi', stream: true })) {
      if (event.type !== 'response.completed') continue;
      const { output_text: _, ...stored } = await client.responses.retrieve(event.response.id);
      expect(stored).toEqual(event.response);
      checked.push(stored.id);
    }
    expect(checked).toHaveLength(1);
  });

  it('is not there where the client did not want it', async () => {
    const { client, url } = await startTestCluster({ workers: [{ script: hello }] });
    const { id } = await client.responses.create({ model, input: 'Hi', store: false });

    expect(await errorOf(`${url}/v1/responses/${id}`)).toEqual([
      404,
      null,
      null,
      `Response with id '${id}' not found.`,
    ]);
    const refused = client.responses.create({ model, input: 'Hi', previous_response_id: id });
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' });
  });

  it('is deleted once', async () => {
    const { client, url } = await startTestCluster({ workers: [{ script: hello }] });
    const { id } = await client.responses.create({ model, input: 'Hi' });
    const path = `${url}/v1/responses/${id}`;

    const { status, text } = await get(path, 'DELETE');

    expect(status).toBe(200);
    expect(DeletedResponse.parse(JSON.parse(text))).toEqual({ id, object: 'response', deleted: true });
    const notFound = [404, null, null, `Response with id '${id}' not found.`];
    for (const [route, method] of [
      ['', 'GET'],
      ['', 'DELETE'],
      ['/input_items', 'GET'],
      ['/cancel', 'POST'],
    ] as const)
      expect(await errorOf(path + route, method)).toEqual(notFound);
  });

  it('cannot be cancelled, because it did not run in the background', async () => {
    const { client, url } = await startTestCluster({ workers: [{ script: hello }] });
    const { id } = await client.responses.create({ model, input: 'Hi' });
    const message = 'Only a response that was created with background=true can be cancelled.';
    expect(await errorOf(`${url}/v1/responses/${id}/cancel`, 'POST')).toEqual([400, null, null, message]);
  });

  it('is served without /v1 too, and says which methods it has', async () => {
    const { client, url } = await startTestCluster({ workers: [{ script: hello }] });
    const { id } = await client.responses.create({ model, input: 'Hi' });
    expect(await get(`${url}/responses/${id}`)).toMatchObject({ status: 200 });
    const { statusCode, headers } = await request(`${url}/v1/responses/${id}`, { method: 'PUT' });
    expect([statusCode, headers['allow']]).toEqual([405, 'GET, DELETE']);
  });

  it('outlives the controller', async () => {
    const { dataDir } = testControllerOptions;
    const first = await startTestCluster({ workers: [{ script: hello }], controller: { dataDir } });
    const created = await say(first, 'Hi');
    await first.close();

    const second = await startTestCluster({ workers: [{ script: hello }], controller: { dataDir } });
    expect(await second.client.responses.retrieve(created.id)).toEqual(created);
    await say(second, 'Again', created);
    expect(second.workers[0]?.requests[0]).toMatchObject({
      messages: [{ content: 'Hi' }, { content: 'Hello 🦙' }, { content: 'Again' }],
    });
  });
});

describe('a replay', () => {
  const script = output(
    [
      reasoning('Hm'),
      text('Hel'),
      { deltas: [text('lo')], logprobs: [{ token: 1, bytes: 'bG8=', logprob: -1, top: [] }] },
      call(0, '{"a"', 'f'),
      call(0, ':1}'),
    ],
    { finishReason: 'length' },
  );
  const include = ['message.output_text.logprobs'];

  it('is the stream of the response, event for event', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });
    const events = await streamResponse(url, { input: 'Hi', include });
    const { id } = lastResponse(events);

    const { text, type } = await get(`${url}/v1/responses/${id}?stream=true`);

    expect(type).toBe('text/event-stream; charset=utf-8');
    expect(eventsOf(text.trimEnd().split('\n\n'))).toEqual(events);
  });

  it('begins behind an event where the client says so', async () => {
    const { url, client } = await startTestCluster({ workers: [{ script }] });
    const events = await streamResponse(url, { input: 'Hi' });
    const { id } = lastResponse(events);
    const path = `${url}/v1/responses/${id}?stream=true&starting_after=`;

    const { text } = await get(`${path}4`);
    expect(eventsOf(text.trimEnd().split('\n\n'), 5)).toEqual(events.slice(5));
    expect(await get(`${path}${events.length}`)).toMatchObject({ status: 200, text: '' });
    expect((await errorOf(`${path}-1`)).slice(0, 3)).toEqual([400, 'invalid_value', 'starting_after']);

    const read = [];
    const stream = await client.responses.retrieve(id, { stream: true, starting_after: 4 });
    for await (const event of stream) read.push(event);
    expect(read).toEqual(events.slice(5));
    const final = await client.responses.stream({ response_id: id }).finalResponse();
    expect(final.output_text).toBe('Hello');
  });

  it('is there of a response that was not streamed', async () => {
    const { url, client } = await startTestCluster({ workers: [{ script: answer(['a', 'b']) }] });
    const { id } = await client.responses.create({ model, input: 'Hi' });
    const { text } = await get(`${url}/v1/responses/${id}?stream=true`);
    expect(lastResponse(eventsOf(text.trimEnd().split('\n\n')))).toMatchObject({ id, status: 'completed' });
  });
});

describe('what goes on from a response', () => {
  it('has all that was said before, but not the instructions', async () => {
    const cluster = await startTestCluster({ workers: [{ script: hello }] });
    const { client, workers } = cluster;
    const first = await client.responses.create({ model, input: 'one', instructions: 'Be brief.' });
    const second = await say(cluster, 'two', first);
    await client.responses.create({ model, previous_response_id: second.id, instructions: 'Be kind.' });

    const said = { role: 'assistant', content: 'Hello 🦙' };
    expect(workers[0]?.requests[2]).toMatchObject({
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'one' },
        said,
        { role: 'user', content: 'two' },
        said,
      ],
    });
  });

  it('can branch', async () => {
    const cluster = await startTestCluster({ workers: [{ script: hello }] });
    const first = await say(cluster, 'one');
    await say(cluster, 'two', first);
    await say(cluster, 'three', first);
    expect(cluster.workers[0]?.requests[2]).toMatchObject({
      messages: [{ content: 'one' }, { content: 'Hello 🦙' }, { content: 'three' }],
    });
  });

  it('is refused where a part of the conversation was deleted', async () => {
    const cluster = await startTestCluster({ workers: [{ script: hello }] });
    const first = await say(cluster, 'one');
    const second = await say(cluster, 'two', first);
    await cluster.client.responses.delete(first.id);

    await expect(say(cluster, 'three', second)).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
      message: `400 Previous response with id '${first.id}' not found, from which '${second.id}' goes on.`,
    });
    const { data } = await cluster.client.responses.inputItems.list(second.id);
    expect(data).toMatchObject([{ content: [{ text: 'two' }] }]);
  });

  it('can name single items of what is stored', async () => {
    const cluster = await startTestCluster({ workers: [{ script: hello }] });
    const first = await say(cluster, 'one');
    const id = first.output[0]?.id ?? '';
    const again = { type: 'item_reference' as const, id };
    const second = await cluster.client.responses.create({
      model,
      input: [again, { role: 'user', content: 'two' }],
    });

    expect(cluster.workers[0]?.requests[1]).toMatchObject({
      messages: [{ role: 'assistant', content: 'Hello 🦙' }, { content: 'two' }],
    });
    const { data } = await cluster.client.responses.inputItems.list(second.id);
    expect(new Set([id, ...data.map((item) => item.id)]).size).toBe(3);
  });
});

describe('input items', () => {
  it('are all that the response was made of, each with an id', async () => {
    const { client, url, workers } = await startTestCluster();
    workers[0]?.answerNext(output([reasoning('Hm'), call(0, '{}', 'f')]));
    const first = await client.responses.create({ model, input: [{ role: 'developer', content: 'one' }] });
    const called = first.output[1] as OpenAI.Responses.ResponseFunctionToolCallItem;
    const second = await client.responses.create({
      model,
      previous_response_id: first.id,
      input: [{ type: 'function_call_output', call_id: called.call_id, output: 'ok' }],
    });

    const { text } = await get(`${url}/v1/responses/${second.id}/input_items?order=asc`);
    const list = InputItemList.parse(JSON.parse(text));

    expect(list).toEqual({
      object: 'list',
      data: [
        {
          id: expect.stringMatching(/^msg_/) as string,
          type: 'message',
          role: 'developer',
          status: 'completed',
          content: [{ type: 'input_text', text: 'one' }],
        },
        first.output[0],
        called,
        {
          id: expect.stringMatching(/^fco_/) as string,
          type: 'function_call_output',
          call_id: called.call_id,
          output: 'ok',
          status: 'completed',
        },
      ],
      first_id: list.data[0]?.id,
      last_id: list.data[3]?.id,
      has_more: false,
    });
  });

  it('come in pages, the last one first', async () => {
    const { client, url } = await startTestCluster();
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const input = texts.map((content) => ({ role: 'user' as const, content }));
    const { id } = await client.responses.create({ model, input });
    const read = async (params: OpenAI.Responses.InputItemListParams) => {
      const all = [];
      for await (const item of client.responses.inputItems.list(id, params)) all.push(item);
      return all.map((item) => (item as OpenAI.Responses.ResponseInputMessageItem).content[0]);
    };

    const items = texts.map((text) => ({ type: 'input_text', text }));
    expect(await read({ order: 'asc', limit: 2 })).toEqual(items);
    expect(await read({ limit: 2 })).toEqual(items.toReversed());
    expect(await read({})).toEqual(items.toReversed());
    const page = await client.responses.inputItems.list(id, { limit: 2 });
    expect([page.data.length, page.has_more]).toEqual([2, true]);

    const path = `${url}/v1/responses/${id}/input_items`;
    expect((await errorOf(`${path}?limit=0`)).slice(0, 3)).toEqual([400, 'integer_below_min_value', 'limit']);
    expect((await errorOf(`${path}?limit=101`)).slice(0, 3)).toEqual([
      400,
      'integer_above_max_value',
      'limit',
    ]);
    expect((await errorOf(`${path}?limit=many`)).slice(0, 3)).toEqual([400, 'invalid_type', 'limit']);
    expect((await errorOf(`${path}?order=up`)).slice(0, 3)).toEqual([400, 'invalid_value', 'order']);
    expect(await errorOf(`${path}?after=msg_1`)).toEqual([
      400,
      'invalid_value',
      'after',
      "Invalid value for 'after': there is no item 'msg_1'.",
    ]);
  });
});

describe('counting tokens', () => {
  it('asks a worker for the length of the prompt and generates nothing', async () => {
    const cluster = await startTestCluster({ workers: [{ script: hello }] });
    const first = await say(cluster, 'one');
    const params = { model, input: 'two', previous_response_id: first.id, instructions: 'Be brief.' };

    expect(await cluster.client.responses.inputTokens.count(params)).toEqual({
      object: 'response.input_tokens',
      input_tokens: 7,
    });

    expect(cluster.workers[0]?.requests).toHaveLength(1);
    expect(cluster.workers[0]?.counts[0]).toMatchObject({
      messages: [{ content: 'Be brief.' }, { content: 'one' }, { content: 'Hello 🦙' }, { content: 'two' }],
    });
    await expect(cluster.client.responses.inputTokens.count({ model })).rejects.toMatchObject({
      status: 400,
      param: 'input',
    });
    await expect(cluster.client.responses.inputTokens.count({ input: 'a' })).rejects.toMatchObject({
      status: 400,
      param: 'model',
    });
  });
});
