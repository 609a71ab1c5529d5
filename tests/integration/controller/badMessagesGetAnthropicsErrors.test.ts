import Anthropic, { type APIError } from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import { MessageError } from '../../../src/protocol/anthropic/messageError.js';
import { createAnthropicClient, startAnthropicCluster } from '../../support/anthropic.js';
import { eventually } from '../../support/eventually.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer, refuse } from '../../support/workerScripts.js';

const params = {
  model: 'test-model',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

interface Raw {
  readonly body?: string;
  readonly method?: string;
  readonly contentType?: string;
}

/** The answer to a request that no client of Anthropic's would send, checked for its shape. */
async function send(url: string, { body, method = 'POST', contentType = 'application/json' }: Raw) {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': contentType },
    ...(body === undefined ? {} : { body }),
  });
  const error = MessageError.strict().parse(await response.json());
  expect(error.request_id).toBe(response.headers.get('request-id'));
  expect(error.request_id).toBe(response.headers.get('x-request-id'));
  return { status: response.status, ...error.error, headers: response.headers };
}

/** Body and what is said of it, for both routes. */
const refused: [string, Record<string, unknown>, string][] = [
  ['no messages', { messages: undefined }, "Missing required parameter: 'messages'."],
  ['empty messages', { messages: [] }, "Invalid 'messages': the array must have at least 1 element."],
  [
    'an image',
    { messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] },
    `Invalid value for 'messages[0].content[0].type': "image". Supported values are: 'text', 'tool_result'.`,
  ],
  [
    'a document',
    { messages: [{ role: 'user', content: [{ type: 'document', source: {} }] }] },
    `Invalid value for 'messages[0].content[0].type': "document". Supported values are: 'text', 'tool_result'.`,
  ],
  [
    'an image in a result',
    {
      messages: [
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image' }] }] },
      ],
    },
    `Invalid value for 'messages[0].content[0].content[0].type': "image". Supported values are: 'text'.`,
  ],
  [
    'a block without its text',
    { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    "Missing required parameter: 'messages[0].content[0].text'.",
  ],
  [
    'a call of a server tool in the history',
    { messages: [{ role: 'assistant', content: [{ type: 'server_tool_use', id: 'a' }] }] },
    `Invalid value for 'messages[0].content[0].type': "server_tool_use". Supported values are: 'text', 'thinking', 'redacted_thinking', 'tool_use'.`,
  ],
  [
    'another role',
    { messages: [{ role: 'tool', content: 'a' }] },
    `Invalid value for 'messages[0].role': "tool". Supported values are: 'user', 'assistant', 'system'.`,
  ],
  [
    'a server tool',
    { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    `Invalid value for 'tools[0].type': "web_search_20250305". Supported values are: 'custom'.`,
  ],
  [
    'a tool without a schema',
    { tools: [{ name: 'weather' }] },
    "Missing required parameter: 'tools[0].input_schema'.",
  ],
  [
    'a choice of a tool that is not there',
    { tools: [{ name: 'a', input_schema: {} }], tool_choice: { type: 'tool', name: 'b' } },
    "Invalid value for 'tool_choice': there is no tool 'b'.",
  ],
  [
    'a choice without tools',
    { tool_choice: { type: 'any' } },
    "Invalid value for 'tool_choice': it is only allowed when tools are given.",
  ],
  [
    'another way to think',
    { thinking: { type: 'between_tools' } },
    `Invalid value for 'thinking.type': "between_tools". Supported values are: 'enabled', 'adaptive', 'disabled'.`,
  ],
  ...['container', 'thread', 'compaction', 'mcp_servers'].map((name): (typeof refused)[number] => [
    name,
    { [name]: [{ type: 'create' }] },
    `Unsupported parameter: '${name}' is not supported by this server yet. Leave it out.`,
  ]),
];

const refusedMessages: typeof refused = [
  ['no token limit', { max_tokens: undefined }, "Missing required parameter: 'max_tokens'."],
  ['no tokens', { max_tokens: 0 }, "Invalid value for 'max_tokens': expected at least 1, but got 0."],
  [
    'too high a temperature',
    { temperature: 1.5 },
    "Invalid value for 'temperature': expected at most 1, but got 1.5.",
  ],
  [
    'the beginning of the answer',
    { messages: [...params.messages, { role: 'assistant', content: 'The answer is (' }] },
    'This server does not support assistant message prefill. The conversation must end with a user message.',
  ],
];

describe('a request is refused for', () => {
  it.each([
    ...refused.map((row) => ['/v1/messages', ...row] as const),
    ...refusedMessages.map((row) => ['/v1/messages', ...row] as const),
    ...refused.map((row) => ['/v1/messages/count_tokens', ...row] as const),
  ])('%s: %s', async (path, _name, fields, message) => {
    const { url, workers } = await startAnthropicCluster();
    const answer = await send(url + path, { body: JSON.stringify({ ...params, ...fields }) });
    expect(answer).toMatchObject({ status: 400, type: 'invalid_request_error', message });
    expect(workers[0]?.requests).toHaveLength(0);
    expect(workers[0]?.counts).toHaveLength(0);
  });

  it.each(['/v1/messages', '/v1/messages/count_tokens', '/messages', '/messages/count_tokens'])(
    'what is no request of %s at all',
    async (path) => {
      const { url } = await startAnthropicCluster();
      const at = url + path;
      const invalid = 'invalid_request_error';
      expect(await send(at, { body: '{"model":' })).toMatchObject({ status: 400, type: invalid });
      expect(await send(at, { body: '[]' })).toMatchObject({ status: 400, type: invalid });
      expect(await send(at, {})).toMatchObject({ status: 400, type: invalid });
      expect(await send(at, { body: '{}', contentType: 'text/plain' })).toMatchObject({
        status: 415,
        type: invalid,
      });
      const wrongMethod = await send(at, { method: 'GET' });
      expect(wrongMethod).toMatchObject({ status: 405, type: invalid });
      expect(wrongMethod.headers.get('allow')).toBe('POST');
      expect(await send(at, { body: JSON.stringify('x'.repeat(11_000_000)) })).toMatchObject({
        status: 413,
        type: 'request_too_large',
      });
      expect(await send(at, { body: JSON.stringify({ ...params, model: 'gpt' }) })).toMatchObject({
        status: 404,
        type: 'not_found_error',
      });
    },
  );
});

describe('the official client raises', () => {
  it('a bad request and an unknown model, with the id of the request', async () => {
    const { client } = await startAnthropicCluster();
    const bad = await client.messages.create({ ...params, messages: [] }).catch((error: unknown) => error);
    expect(bad).toBeInstanceOf(Anthropic.BadRequestError);
    expect(bad).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      apiMessage: expect.stringContaining('messages') as string,
      requestID: expect.stringMatching(/^req_/) as string,
    });

    const unknown = await client.messages
      .stream({ ...params, model: 'claude' })
      .finalMessage()
      .catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(Anthropic.NotFoundError);
    expect(unknown).toMatchObject({ type: 'not_found_error' });
  });

  it.each([
    ['context_length_exceeded', Anthropic.BadRequestError, 'invalid_request_error'],
    ['invalid_prompt', Anthropic.BadRequestError, 'invalid_request_error'],
    ['unsupported_schema', Anthropic.BadRequestError, 'invalid_request_error'],
    ['engine_failed', Anthropic.InternalServerError, 'api_error'],
  ] as const)('what a worker refuses as %s', async (code, expected, type) => {
    const script = refuse(code, { retryable: false });
    const { client } = await startAnthropicCluster({ workers: [{ script }] });
    const error = await client.messages.create(params).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(expected);
    expect(error).toMatchObject({ type });
  });

  it('a full queue, with the time to come back', async () => {
    const gate = createTokenGate();
    const { client, status, workers } = await startAnthropicCluster({
      workers: [{ slots: 1, script: answer(['a'], { gate }) }],
      controller: { queueLimit: 1 },
    });
    const running = client.messages.create(params);
    await eventually(() => expect(workers[0]?.slotsBusy()).toBe(1));
    const waiting = client.messages.create(params);
    await eventually(async () => expect((await status()).queue.waiting).toBe(1));

    const full = await client.messages.create(params).catch((thrown: unknown) => thrown);
    expect(full).toMatchObject({ status: 503, type: 'overloaded_error' });
    expect((full as APIError).headers?.get('retry-after')).toMatch(/^\d+$/);
    gate.open();
    for (const { content } of await Promise.all([running, waiting]))
      expect(content).toMatchObject([{ text: 'a' }]);
  });

  it('a wait for a slot that took too long', async () => {
    const gate = createTokenGate();
    const { client, workers } = await startAnthropicCluster({
      workers: [{ slots: 1, script: answer(['a'], { gate }) }],
      controller: { queueTimeoutMs: 50 },
    });
    const running = client.messages.create(params);
    await eventually(() => expect(workers[0]?.slotsBusy()).toBe(1));

    await expect(client.messages.create(params)).rejects.toMatchObject({
      status: 504,
      type: 'timeout_error',
    });
    gate.open();
    expect((await running).content).toMatchObject([{ text: 'a' }]);
  });
});

describe('a count', () => {
  it('is asked of a ready worker without a slot', async () => {
    const gate = createTokenGate();
    const { client, workers } = await startAnthropicCluster({
      workers: [{ slots: 1, promptTokens: 42, script: answer(['a'], { gate }) }],
    });
    const running = client.messages.create(params);
    await eventually(() => expect(workers[0]?.slotsBusy()).toBe(1));

    const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }];
    const { model, messages } = params;
    const assistant = { role: 'assistant' as const, content: 'Hello' };
    expect(
      await client.messages.countTokens({
        model,
        messages: [...messages, assistant],
        system: 'Be brief.',
        tools,
        thinking: { type: 'disabled' },
      }),
    ).toEqual({ input_tokens: 42 });
    expect(workers[0]?.counts).toEqual([
      {
        model,
        messages: [{ role: 'system', content: 'Be brief.' }, ...messages, assistant],
        tools: [{ name: 'weather', parameters: { type: 'object' }, strict: false }],
        toolChoice: 'auto',
        templateOptions: { enable_thinking: false },
      },
    ]);
    gate.open();
    await running;
  });

  it('comes from another worker where the first is gone, and is refused where none is left', async () => {
    const { url, client, workers } = await startAnthropicCluster({
      workers: [{ promptTokens: 1 }, { promptTokens: 2 }],
    });
    const { model, messages } = params;
    await workers[0]?.stopListening();
    expect(await client.messages.countTokens({ model, messages })).toEqual({ input_tokens: 2 });

    await workers[1]?.stopListening();
    await expect(client.messages.countTokens({ model, messages })).rejects.toMatchObject({
      status: 502,
      type: 'api_error',
    });
    await Promise.all(workers.map((worker) => worker.leave()));
    await eventually(() =>
      expect(createAnthropicClient(url).messages.countTokens({ model, messages })).rejects.toMatchObject({
        status: 503,
        type: 'overloaded_error',
      }),
    );
  });
});
