import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { SampledLogprob } from '../../../src/protocol/generation.js';
import { ResponseObject } from '../../../src/protocol/openai/responses/response.js';
import { call, output, reasoning, text } from '../../support/outputScript.js';
import { eventsOf, lastResponse, streamResponse, summarize } from '../../support/responseStream.js';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { refuse } from '../../support/workerScripts.js';

const weather = {
  type: 'function',
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};
const hello = output([text('Hel'), text(''), text('lo')], { heldBack: [text(' 🦙')] });

async function createJson(url: string, body: object): Promise<ResponseObject> {
  const response = await request(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', input: 'Hi', ...body }),
  });
  const json = await response.body.json();
  expect([response.statusCode, json]).toMatchObject([200, {}]);
  expect(ResponseObject.parse(json)).toEqual(json);
  return json as ResponseObject;
}

describe('JSON', () => {
  it('is the whole response with every key that the official documents require', async () => {
    const { url } = await startTestCluster({ workers: [{ script: hello }] });

    const response = await createJson(url, {});

    expect(response).toStrictEqual({
      id: expect.stringMatching(/^resp_[0-9a-f]{32}$/) as string,
      object: 'response',
      created_at: expect.any(Number) as number,
      completed_at: expect.any(Number) as number,
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      instructions: null,
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: {},
      model: 'test-model',
      output: [
        {
          id: expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string,
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Hello 🦙', annotations: [], logprobs: [] }],
        },
      ],
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: null,
      store: true,
      temperature: 1,
      top_p: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      top_logprobs: 0,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
      truncation: 'disabled',
      service_tier: 'default',
      user: null,
      safety_identifier: null,
      prompt_cache_key: null,
      usage: {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 10,
      },
    });
    expect(Math.abs(response.created_at - Date.now() / 1000)).toBeLessThan(60);
  });

  it('repeats what the client asked for', async () => {
    const { url } = await startTestCluster({ workers: [{ script: hello }] });
    const format = { type: 'json_schema', name: 'city', schema: { type: 'object' }, strict: true };
    const asked = {
      instructions: 'Be brief.',
      max_output_tokens: 20,
      max_tool_calls: 3,
      metadata: { a: 'b' },
      parallel_tool_calls: false,
      reasoning: { effort: 'low', summary: null },
      store: false,
      temperature: 0.5,
      top_p: 0.25,
      presence_penalty: 1,
      frequency_penalty: -1,
      text: { format, verbosity: 'low' },
      tool_choice: { type: 'function', name: 'get_weather' },
      user: 'ann',
      safety_identifier: 's',
      prompt_cache_key: 'k',
    };

    const response = await createJson(url, { ...asked, tools: [weather] });

    expect(response).toMatchObject(asked);
    expect(response.tools).toEqual([{ ...weather, description: null, strict: null }]);
  });

  it('says when the limit of tokens ended it', async () => {
    const script = output([text('Hel')], { finishReason: 'length' });
    const { url } = await startTestCluster({ workers: [{ script }] });

    expect(await createJson(url, { max_output_tokens: 1 })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ type: 'message', status: 'incomplete' }],
    });
  });

  it('has a message without text where the model said nothing, and none where it came to no answer', async () => {
    const { url, workers } = await startTestCluster({ workers: [{ script: output([]) }] });
    expect((await createJson(url, {})).output).toMatchObject([{ type: 'message', content: [{ text: '' }] }]);

    workers[0]?.answerNext(output([reasoning('hm')], { finishReason: 'length' }));
    expect((await createJson(url, {})).output).toMatchObject([{ type: 'reasoning', status: 'incomplete' }]);
  });
});

describe('the stream', () => {
  const turns = {
    text: {
      script: hello,
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 message in_progress',
        'content_part.added 0 output_text ',
        'output_text.delta 0 Hel',
        'output_text.delta 0 lo',
        'output_text.delta 0  🦙',
        'output_text.done 0 Hello 🦙',
        'content_part.done 0 output_text Hello 🦙',
        'output_item.done 0 message completed',
        'completed completed 1',
      ],
    },
    'two calls': {
      script: output(
        [
          call(0, '', 'get_weather'),
          call(0, '{"city":'),
          call(0, '"Oslo"}'),
          { deltas: [call(1, '{', 'get_time'), call(1, '}')] },
        ],
        { finishReason: 'tool_calls' },
      ),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 function_call in_progress',
        'function_call_arguments.delta 0 {"city":',
        'function_call_arguments.delta 0 "Oslo"}',
        'function_call_arguments.done 0 get_weather {"city":"Oslo"}',
        'output_item.done 0 function_call completed',
        'output_item.added 1 function_call in_progress',
        'function_call_arguments.delta 1 {',
        'function_call_arguments.delta 1 }',
        'function_call_arguments.done 1 get_time {}',
        'output_item.done 1 function_call completed',
        'completed completed 2',
      ],
    },
    reasoning: {
      script: output([reasoning('Hm'), reasoning('m.'), text('Yes')], { reasoningTokens: 2 }),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 reasoning in_progress',
        'content_part.added 0 reasoning_text ',
        'reasoning_text.delta 0 Hm',
        'reasoning_text.delta 0 m.',
        'reasoning_text.done 0 Hmm.',
        'content_part.done 0 reasoning_text Hmm.',
        'output_item.done 0 reasoning completed',
        'output_item.added 1 message in_progress',
        'content_part.added 1 output_text ',
        'output_text.delta 1 Yes',
        'output_text.done 1 Yes',
        'content_part.done 1 output_text Yes',
        'output_item.done 1 message completed',
        'completed completed 2',
      ],
    },
    'reasoning and a call': {
      script: output([reasoning('Ask.'), call(0, '{}', 'get_time')], { finishReason: 'tool_calls' }),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 reasoning in_progress',
        'content_part.added 0 reasoning_text ',
        'reasoning_text.delta 0 Ask.',
        'reasoning_text.done 0 Ask.',
        'content_part.done 0 reasoning_text Ask.',
        'output_item.done 0 reasoning completed',
        'output_item.added 1 function_call in_progress',
        'function_call_arguments.delta 1 {}',
        'function_call_arguments.done 1 get_time {}',
        'output_item.done 1 function_call completed',
        'completed completed 2',
      ],
    },
    'text around a call': {
      script: output([text('a'), call(0, '{}', 'f'), text('b')], { finishReason: 'tool_calls' }),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 message in_progress',
        'content_part.added 0 output_text ',
        'output_text.delta 0 a',
        'output_text.done 0 a',
        'content_part.done 0 output_text a',
        'output_item.done 0 message completed',
        'output_item.added 1 function_call in_progress',
        'function_call_arguments.delta 1 {}',
        'function_call_arguments.done 1 f {}',
        'output_item.done 1 function_call completed',
        'output_item.added 2 message in_progress',
        'content_part.added 2 output_text ',
        'output_text.delta 2 b',
        'output_text.done 2 b',
        'content_part.done 2 output_text b',
        'output_item.done 2 message completed',
        'completed completed 3',
      ],
    },
    'the limit of tokens': {
      script: output([reasoning('Hm'), text('Ye')], { finishReason: 'length' }),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 reasoning in_progress',
        'content_part.added 0 reasoning_text ',
        'reasoning_text.delta 0 Hm',
        'reasoning_text.done 0 Hm',
        'content_part.done 0 reasoning_text Hm',
        'output_item.done 0 reasoning completed',
        'output_item.added 1 message in_progress',
        'content_part.added 1 output_text ',
        'output_text.delta 1 Ye',
        'output_text.done 1 Ye',
        'content_part.done 1 output_text Ye',
        'output_item.done 1 message incomplete',
        'incomplete incomplete 2',
      ],
    },
    'a worker that is lost for good': {
      script: output([text('Hel')], { fault: (worker) => worker.breakOff() }),
      events: [
        'created in_progress 0',
        'in_progress in_progress 0',
        'output_item.added 0 message in_progress',
        'content_part.added 0 output_text ',
        'output_text.delta 0 Hel',
        'failed failed 1',
      ],
    },
  };

  it.each(Object.entries(turns))(
    'of %s has the events of the official API in their order',
    async (_, turn) => {
      const { url, workers } = await startTestCluster({
        workers: [{ script: refuse('engine_failed', { retryable: false }) }],
      });
      workers[0]?.answerNext(turn.script);

      const events = await streamResponse(url, { input: 'Hi', tools: [weather] });

      expect(summarize(events)).toEqual(turn.events);
    },
  );

  it('names its items in every event, and calls by an id of their own', async () => {
    const { url } = await startTestCluster({ workers: [{ script: turns['reasoning and a call'].script }] });

    const events = await streamResponse(url, { input: 'Hi', tools: [weather] });

    const [thought, called] = lastResponse(events).output;
    expect(thought?.id).toMatch(/^rs_/);
    expect(called).toMatchObject({
      id: expect.stringMatching(/^fc_/) as string,
      call_id: expect.stringMatching(/^call_/) as string,
    });
    const ids = [thought?.id, called?.id];
    for (const event of events) {
      if ('item_id' in event) expect(event.item_id).toBe(ids[event.output_index]);
      if ('item' in event) expect(event.item.id).toBe(ids[event.output_index]);
    }
  });

  it('tells in the end what failed, and keeps what there is', async () => {
    const { url, workers } = await startTestCluster({
      workers: [{ script: refuse('engine_failed', { retryable: false }) }],
    });
    workers[0]?.answerNext(turns['a worker that is lost for good'].script);

    const response = lastResponse(await streamResponse(url, { input: 'Hi' }));

    expect(response).toMatchObject({
      status: 'failed',
      error: {
        code: 'server_error',
        message: 'The workers that ran this request failed before it was finished.',
      },
      output: [{ type: 'message', status: 'incomplete', content: [{ text: 'Hel' }] }],
      usage: null,
      completed_at: null,
    });
  });

  it('begins with the response even where nothing but an error comes', async () => {
    const script = refuse('context_length_exceeded', { retryable: false });
    const { url, workers } = await startTestCluster({
      workers: [{ slots: 1 }],
      controller: { streamTimings: { patienceMs: 1 } },
    });
    let free = (): void => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    workers[0]?.answerNext(async (worker) => {
      await freed;
      await script(worker);
    });

    // Its headers come while the request still waits.
    const stream = await openSse(`${url}/v1/responses`, { model: 'test-model', input: 'Hi', stream: true });
    free();
    const events = eventsOf(await stream.rest());

    expect(summarize(events)).toEqual([
      'created in_progress 0',
      'in_progress in_progress 0',
      'failed failed 0',
    ]);
    expect(lastResponse(events).error).toEqual({
      code: 'invalid_prompt',
      message: 'scripted: context_length_exceeded',
    });
  });
});

describe('log probabilities', () => {
  const logprobOf = (token: string): SampledLogprob => ({
    token: 1,
    bytes: Buffer.from(token).toString('base64'),
    logprob: -0.5,
    top: [{ token: 1, bytes: Buffer.from(token).toString('base64'), logprob: -0.5 }],
  });
  const entryOf = (token: string) => {
    const entry = { token, logprob: -0.5, bytes: [...Buffer.from(token)] };
    return { ...entry, top_logprobs: [entry] };
  };
  const script = output([
    { deltas: [reasoning('Hm')], logprobs: [logprobOf('Hm')] },
    { logprobs: [logprobOf('He')] },
    { deltas: [text('Hello')], logprobs: [logprobOf('l'), logprobOf('lo')] },
    { deltas: [text('!')], logprobs: [logprobOf('!')] },
  ]);
  const body = { include: ['message.output_text.logprobs'], top_logprobs: 1 };

  it('are those of the text, in the deltas that they belong to and in the whole', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const events = await streamResponse(url, { input: 'Hi', ...body });

    const all = ['He', 'l', 'lo', '!'].map(entryOf);
    expect(
      events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event.logprobs] : [])),
    ).toEqual([all.slice(0, 3), all.slice(3)]);
    expect(events.find(({ type }) => type === 'response.output_text.done')).toMatchObject({ logprobs: all });
    expect(lastResponse(events)).toMatchObject({
      top_logprobs: 1,
      output: [{ type: 'reasoning' }, { content: [{ text: 'Hello!', logprobs: all }] }],
    });
  });
});
