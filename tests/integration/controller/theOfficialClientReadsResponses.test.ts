import type OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ResponseEvent } from '../../../src/protocol/openai/responses/events.js';
import { ResponseObject } from '../../../src/protocol/openai/responses/response.js';
import { call, output, reasoning, text } from '../../support/outputScript.js';
import { startTestCluster } from '../../support/testCluster.js';
import { refuse } from '../../support/workerScripts.js';

const body = { model: 'test-model', input: 'Hi' };
const reasoned = output([reasoning('Hm'), text('Hel'), text('lo')], { reasoningTokens: 1 });
const City = z.object({ city: z.string() });

/** The official types know neither the nulls that the official API sends, nor those that it takes. */
type NullInReality = 'usage' | 'user' | 'text';

/** Compiles only while every answer here is one of the official types. */
const officially = {
  response: (response: ResponseObject): Omit<OpenAI.Responses.Response, 'output_text' | NullInReality> =>
    response,
  event: (event: Exclude<ResponseEvent, { response: unknown }>): OpenAI.Responses.ResponseStreamEvent =>
    event,
};

describe('create', () => {
  it('gives a response with its text', async () => {
    const { client } = await startTestCluster({ workers: [{ script: reasoned }] });

    const created = await client.responses.create(body);
    const { output_text: said, ...response } = created;

    expect(said).toBe('Hello');
    expect(created._request_id).toMatch(/^req_/);
    expect(officially.response(ResponseObject.parse(response))).toEqual(response);
  });

  it('gives the events of a stream', async () => {
    const { client } = await startTestCluster({ workers: [{ script: reasoned }] });

    const types = [];
    for await (const event of await client.responses.create({ ...body, stream: true }))
      types.push(event.type);

    expect(types.at(0)).toBe('response.created');
    expect(types.at(-1)).toBe('response.completed');
  });
});

describe('stream', () => {
  const scripts = {
    'text and reasoning': reasoned,
    'calls behind text': output([text('a'), call(0, '{"a":', 'f'), call(0, '1}'), call(1, '{}', 'g')]),
    'the limit of tokens': output([reasoning('Hm'), text('a')], { finishReason: 'length' }),
    nothing: output([]),
  };

  it.each(Object.entries(scripts))('adds up to the final response: %s', async (_, script) => {
    const { client } = await startTestCluster({ workers: [{ script }] });
    const stream = client.responses.stream(body);
    let snapshot = '';
    const args: Record<number, string> = {};
    const items: OpenAI.Responses.ResponseOutputItem[] = [];
    stream.on('response.output_text.delta', (event) => (snapshot = event.snapshot));
    stream.on(
      'response.function_call_arguments.delta',
      (event) => (args[event.output_index] = event.snapshot),
    );
    stream.on('response.output_item.done', ({ item, output_index }) => (items[output_index] = item));

    const final = await stream.finalResponse();

    expect(final.output_text).toBe(snapshot);
    expect(final.output).toMatchObject(items);
    expect(final.output).toHaveLength(items.length);
    for (const [index, item] of final.output.entries())
      if (item.type === 'function_call') expect(item.arguments).toBe(args[index]);
    const stored = await client.responses.retrieve(final.id);
    expect(stored.output).toEqual(items);
    expect(stored.usage).toEqual(final.usage);
  });

  it('ends with a failed response where no worker could finish it', async () => {
    const { client, workers } = await startTestCluster({
      workers: [{ script: refuse('engine_failed', { retryable: false }) }],
    });
    workers[0]?.answerNext(output([text('Hel')], { fault: (worker) => worker.breakOff() }));

    const final = await client.responses.stream(body).finalResponse();

    expect(final).toMatchObject({ status: 'failed', output_text: 'Hel', error: { code: 'server_error' } });
    expect(await client.responses.retrieve(final.id)).toMatchObject({ status: 'failed', output_text: 'Hel' });
  });
});

describe('helpers', () => {
  it('parse an answer that follows a schema', async () => {
    const script = output([text('{"city":'), text('"Oslo"}')]);
    const { client, workers } = await startTestCluster({ workers: [{ script }] });
    const params = { ...body, text: { format: zodTextFormat(City, 'city') } };

    expect((await client.responses.parse(params)).output_parsed).toEqual({ city: 'Oslo' });
    expect((await client.responses.stream(params).finalResponse()).output_parsed).toEqual({ city: 'Oslo' });
    expect(workers[0]?.requests[0]?.constraint).toMatchObject({
      type: 'json_schema',
      strict: true,
      schema: { type: 'object', required: ['city'], additionalProperties: false },
    });
  });

  it('call a function and go on with its output', async () => {
    const { client, workers } = await startTestCluster();
    const tool = zodResponsesFunction({ name: 'get_weather', parameters: City });
    workers[0]?.answerNext(
      output([reasoning('Ask.'), call(0, '{"city":"Oslo"}', 'get_weather')], { finishReason: 'tool_calls' }),
      output([text('Rain.')]),
    );

    const asked = await client.responses.parse({ ...body, instructions: 'Be brief.', tools: [tool] });
    const called = asked.output.find((item) => item.type === 'function_call');
    expect(called).toMatchObject({ name: 'get_weather', parsed_arguments: { city: 'Oslo' } });
    const callId = called?.call_id ?? '';
    const answered = await client.responses.create({
      model: 'test-model',
      previous_response_id: asked.id,
      input: [{ type: 'function_call_output', call_id: callId, output: 'rain' }],
      tools: [tool],
    });

    expect(answered.output_text).toBe('Rain.');
    expect(answered.previous_response_id).toBe(asked.id);
    expect(workers[0]?.requests[1]).toMatchObject({
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: '',
          reasoning: 'Ask.',
          toolCalls: [{ id: callId, name: 'get_weather', arguments: '{"city":"Oslo"}' }],
        },
        { role: 'tool', content: 'rain', toolCallId: callId },
      ],
    });
  });

  it('send the whole output back, where nothing is stored', async () => {
    const { client, workers } = await startTestCluster();
    workers[0]?.answerNext(reasoned, output([call(0, '{}', 'f')], { finishReason: 'tool_calls' }));
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Hi' }];

    for (const next of ['Again', 'Now']) {
      const { output: said } = await client.responses.create({ model: 'test-model', input, store: false });
      input.push(...(said as OpenAI.Responses.ResponseInputItem[]), { role: 'user', content: next });
    }
    await client.responses.create({ model: 'test-model', input, store: false });

    expect(workers[0]?.requests[2]).toMatchObject({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello', reasoning: 'Hm' },
        { role: 'user', content: 'Again' },
        { role: 'assistant', content: '', toolCalls: [{ name: 'f' }] },
        { role: 'user', content: 'Now' },
      ],
    });
  });
});
