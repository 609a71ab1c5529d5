import type Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { Message } from '../../../src/protocol/anthropic/messageEvents.js';
import type { OutputDelta } from '../../../src/protocol/generation.js';
import { answerDeltas, eventsOf, startAnthropicCluster } from '../../support/anthropic.js';
import { eventually } from '../../support/eventually.js';
import { dataOf, openSse } from '../../support/sseStream.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const params = {
  model: 'test-model',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};
const usage = {
  input_tokens: 4,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 3,
  output_tokens: 4,
  output_tokens_details: { thinking_tokens: 0 },
  server_tool_use: null,
};
const script = answer(['Hel', '', 'lo', ' wörld 🦙'], { cachedTokens: 3 });

/** Thinks, says something and makes two calls, the second without arguments. */
const busy: readonly OutputDelta[] = [
  { type: 'reasoning', delta: 'Two ' },
  { type: 'reasoning', delta: 'calls.' },
  { type: 'text', delta: 'Let me look.' },
  { type: 'toolCall', index: 0, name: 'weather', delta: '' },
  { type: 'toolCall', index: 0, delta: '{"city":' },
  { type: 'toolCall', index: 0, delta: '"Rome"}' },
  { type: 'toolCall', index: 1, name: 'time', delta: '{}' },
];
const busyEnd = {
  finishReason: 'tool_calls' as const,
  usage: { promptTokens: 7, completionTokens: 7, reasoningTokens: 2, cachedTokens: 3 },
};
const id = (prefix: string) => expect.stringMatching(new RegExp(`^${prefix}_[0-9a-f]{32}$`)) as string;
const busyContent = [
  { type: 'thinking', thinking: 'Two calls.', signature: '' },
  { type: 'text', text: 'Let me look.', citations: null },
  {
    type: 'tool_use',
    id: id('toolu'),
    name: 'weather',
    input: { city: 'Rome' },
    caller: { type: 'direct' },
  },
  { type: 'tool_use', id: id('toolu'), name: 'time', input: {}, caller: { type: 'direct' } },
];

describe('JSON', () => {
  it('is the whole message with every key that the official types require', async () => {
    const { client } = await startAnthropicCluster({ workers: [{ script }] });

    const message = await client.messages.create(params);

    expect(message._request_id).toMatch(/^req_/);
    expect({ ...message }).toStrictEqual({
      id: id('msg'),
      type: 'message',
      role: 'assistant',
      model: 'test-model',
      content: [{ type: 'text', text: 'Hello wörld 🦙', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        ...usage,
        cache_creation: null,
        inference_geo: null,
        service_tier: 'standard',
        speed: null,
      },
    } satisfies Anthropic.Message);
    expect(Message.parse(message)).toStrictEqual({ ...message });
  });

  it('has a block for thinking, text and each call', async () => {
    const { client } = await startAnthropicCluster({ workers: [{ script: answerDeltas(busy, busyEnd) }] });

    const message = await client.messages.create(params);

    expect(message).toMatchObject({ stop_reason: 'tool_use', content: busyContent });
    expect(message.usage).toMatchObject({ output_tokens: 7, output_tokens_details: { thinking_tokens: 2 } });
  });

  it('has no arguments of a call that the token limit cut off', async () => {
    const script = answerDeltas(busy.slice(0, 5), { finishReason: 'length' });
    const { client } = await startAnthropicCluster({ workers: [{ script }] });

    const message = await client.messages.create({ ...params, max_tokens: 5 });

    expect(message.stop_reason).toBe('max_tokens');
    expect(message.content.at(-1)).toMatchObject({ type: 'tool_use', name: 'weather', input: {} });
  });

  it('is the same under the path without /v1', async () => {
    const { url } = await startAnthropicCluster({ workers: [{ script }] });
    const response = await fetch(`${url}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'k' },
      body: JSON.stringify(params),
    });
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'));
    expect(await response.json()).toMatchObject({ type: 'message' });
  });
});

describe('the end', () => {
  it.each([
    ['end_turn', null, answer(['a'])],
    ['stop_sequence', 'END', answer(['a'], { stopText: 'END' })],
    ['max_tokens', null, answer(['a', 'b', 'c', 'd'])],
    ['model_context_window_exceeded', null, answer(['a'], { finishReason: 'length' })],
    ['tool_use', null, answer(['a'], { finishReason: 'tool_calls', stopText: 'END' })],
  ])('is told as %s with the stop sequence %s', async (stop_reason, stop_sequence, script) => {
    const { client } = await startAnthropicCluster({ workers: [{ script }] });
    const limited = { ...params, max_tokens: 3, stop_sequences: ['END'] };

    expect(await client.messages.create(limited)).toMatchObject({ stop_reason, stop_sequence });
    const streamed = await client.messages.stream(limited).finalMessage();
    expect(streamed).toMatchObject({ stop_reason, stop_sequence });
  });
});

describe('the stream', () => {
  it('is a start, blocks one after another, the reason of the end with the usage, and a stop', async () => {
    const { url } = await startAnthropicCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/messages`, { ...params, stream: true });
    const events = eventsOf(await stream.rest());

    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'request-id': expect.stringMatching(/^req_/) as string,
    });
    expect(events).toStrictEqual([
      {
        type: 'message_start',
        message: expect.objectContaining({
          content: [],
          stop_reason: null,
          usage: expect.objectContaining({ ...usage, output_tokens: 0 }) as unknown,
        }) as unknown,
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'text', text: '', citations: null },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' wörld 🦙' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null, stop_details: null, container: null },
        usage,
      },
      { type: 'message_stop' },
    ]);
  });

  it('says thinking, text and calls in blocks that open and close in order', async () => {
    const { url } = await startAnthropicCluster({ workers: [{ script: answerDeltas(busy, busyEnd) }] });

    const stream = await openSse(`${url}/v1/messages`, { ...params, stream: true });
    const events = eventsOf(await stream.rest());

    const told = events.flatMap((event) => {
      if (event.type === 'content_block_start') return [`${event.index} ${event.content_block.type}`];
      if (event.type === 'content_block_delta') return [`${event.index} ${event.delta.type}`];
      return event.type === 'content_block_stop' ? [`${event.index} stop`] : [];
    });
    expect(told).toStrictEqual([
      '0 thinking',
      '0 thinking_delta',
      '0 thinking_delta',
      '0 signature_delta',
      '0 stop',
      '1 text',
      '1 text_delta',
      '1 stop',
      '2 tool_use',
      '2 input_json_delta',
      '2 input_json_delta',
      '2 stop',
      '3 tool_use',
      '3 input_json_delta',
      '3 stop',
    ]);
  });

  it('is put together by the official client to the same message', async () => {
    const { client } = await startAnthropicCluster({ workers: [{ script: answerDeltas(busy, busyEnd) }] });
    const seen = { text: '', thinking: '', json: '' };

    const stream = client.messages
      .stream(params)
      .on('text', (delta) => (seen.text += delta))
      .on('thinking', (delta) => (seen.thinking += delta))
      .on('inputJson', (delta) => (seen.json += delta));
    const message = await stream.finalMessage();

    expect(seen).toEqual({ text: 'Let me look.', thinking: 'Two calls.', json: '{"city":"Rome"}{}' });
    expect(stream.request_id).toMatch(/^req_/);
    expect(message).toMatchObject({ stop_reason: 'tool_use', content: busyContent });
    expect(message.usage).toMatchObject({
      input_tokens: 4,
      cache_read_input_tokens: 3,
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 2 },
    });
  });

  it('leaves the text of thinking out where the client asks for that', async () => {
    const { client } = await startAnthropicCluster({ workers: [{ script: answerDeltas(busy, busyEnd) }] });
    const quiet = { ...params, thinking: { type: 'adaptive' as const, display: 'omitted' as const } };
    const [, ...rest] = busyContent;
    const content = [{ type: 'thinking', thinking: '', signature: '' }, ...rest];

    expect(await client.messages.create(quiet)).toMatchObject({ content });
    expect(await client.messages.stream(quiet).finalMessage()).toMatchObject({ content });
  });

  it('sends text that was kept back until the end before the block closes', async () => {
    const { client } = await startAnthropicCluster({
      workers: [{ script: answer(['', ''], { heldBack: 'late' }) }],
    });
    const message = await client.messages.stream(params).finalMessage();
    expect(message.content).toMatchObject([{ type: 'text', text: 'late' }]);
  });

  it('hands on each token when it comes, and pings while the worker reads the prompt', async () => {
    const gate = createTokenGate();
    const { url, workers } = await startAnthropicCluster();
    workers[0]?.answerNext(async (call) => {
      await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      await call.send({ type: 'progress', phase: 'prefill', tokensDone: 5 });
      await gate.pass(call.signal);
      await call.send({
        type: 'output',
        choice: 0,
        tokenIds: [1],
        deltas: [{ type: 'text', delta: 'a' }],
      });
      await gate.pass(call.signal);
      call.end();
    });

    const stream = await openSse(`${url}/v1/messages`, { ...params, stream: true });
    expect(await stream.next()).toMatch(/^event: message_start\n/);
    expect(await stream.next()).toBe(': keepalive');
    expect(await stream.next()).toBe('event: ping\ndata: {"type":"ping"}');
    gate.open(1);
    expect(await stream.next()).toContain('content_block_start');
    expect(await stream.next()).toContain('"text":"a"');
    stream.leave();
  });

  it('ends with an error event, which the official client raises', async () => {
    const fault = {
      afterTokens: 2,
      run: answerFailure,
    };
    const { url, client } = await startAnthropicCluster({
      workers: [{ script: answer(['a', 'b', 'c'], { fault }) }],
    });

    const stream = await openSse(`${url}/v1/messages`, { ...params, stream: true });
    const frames = await stream.rest();
    const last = frames.at(-1) ?? '';
    expect(last).toMatch(/^event: error\n/);
    expect(dataOf(last.replace('event: error\n', ''))).toStrictEqual({
      type: 'error',
      error: { type: 'api_error', message: expect.stringMatching(/^The workers /) as string },
      request_id: stream.headers['request-id'],
    });
    await expect(client.messages.stream(params).finalMessage()).rejects.toMatchObject({ type: 'api_error' });
  });
});

async function answerFailure(call: Parameters<typeof script>[0]): Promise<void> {
  await call.send({ type: 'error', code: 'engine_failed', message: 'scripted', retryable: false });
}

describe('a client that leaves frees its slot', () => {
  it.each(['abort', 'break'])('by %s', async (way) => {
    const gate = createTokenGate();
    const { client, workers } = await startAnthropicCluster({
      workers: [{ slots: 1, script: answer(['a', 'b'], { gate }) }],
    });
    gate.open(1);

    if (way === 'abort') {
      const stream = client.messages.stream(params);
      stream.on('text', () => stream.abort());
      await expect(stream.finalMessage()).rejects.toThrow('aborted');
    } else {
      for await (const event of await client.messages.create({ ...params, stream: true }))
        if (event.type === 'content_block_delta') break;
    }

    await eventually(() => expect(workers[0]?.slotsBusy()).toBe(0));
    expect(workers[0]?.aborts).toHaveLength(1);
    gate.open();
    expect((await client.messages.create(params)).content).toMatchObject([{ text: 'ab' }]);
  });
});
