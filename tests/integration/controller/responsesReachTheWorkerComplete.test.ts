import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { ChatGenerateRequest } from '../../../src/protocol/generateRequest.js';
import { startTestCluster } from '../../support/testCluster.js';

const user = { role: 'user', content: 'Hi' };

/** What a worker is asked for when a client sends `fields`. */
async function sendAndRecord(fields: Record<string, unknown>): Promise<ChatGenerateRequest> {
  const { url, workers } = await startTestCluster();
  const response = await request(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', input: 'Hi', ...fields }),
  });
  expect([response.statusCode, await response.body.text()]).toMatchObject([200, expect.any(String)]);
  const [recorded] = workers[0]?.requests ?? [];
  if (recorded?.kind !== 'chat') throw new Error('no request reached the worker');
  expect(recorded.requestId).toBe(response.headers['x-request-id']);
  return recorded;
}

const messagesOf = async (input: unknown, fields = {}) =>
  (await sendAndRecord({ input, ...fields })).messages;

const defaults = {
  model: 'test-model',
  kind: 'chat',
  choice: 0,
  principal: { keyId: 'anonymous', weight: 1, priority: 0, cacheNamespace: 'anonymous' },
  messages: [user],
  tools: [],
  toolChoice: 'none',
  parallelToolCalls: true,
  templateOptions: {},
  constraint: { type: 'text' },
  sampling: { temperature: 1, topP: 1 },
  maxTokens: null,
  stop: [],
  topLogprobs: null,
};

describe('parameters', () => {
  it("have OpenAI's defaults where the client gives nothing", async () => {
    expect(await sendAndRecord({})).toMatchObject(defaults);
  });

  it('are not given where they are null, and ask for nothing where their value says so', async () => {
    const nulls = {
      instructions: null,
      previous_response_id: null,
      tools: null,
      tool_choice: null,
      parallel_tool_calls: null,
      text: { format: null, verbosity: null },
      reasoning: null,
      max_output_tokens: null,
      max_tool_calls: null,
      temperature: null,
      top_p: null,
      top_logprobs: null,
      include: null,
      metadata: null,
      store: null,
      stream: null,
      stream_options: null,
      conversation: null,
      prompt: null,
      user: null,
    };
    expect(await sendAndRecord(nulls)).toMatchObject(defaults);
    const neutral = {
      background: false,
      truncation: 'disabled',
      include: ['reasoning.encrypted_content'],
      top_logprobs: 0,
      tools: [],
      tool_choice: 'auto',
      context_management: [],
      reasoning: { effort: null, summary: 'auto' },
      service_tier: 'auto',
      prompt_cache_retention: '24h',
      some_future_field: { deep: [1, 2, 3] },
    };
    expect(await sendAndRecord(neutral)).toMatchObject(defaults);
  });

  it('arrive', async () => {
    const fields = {
      instructions: 'Be brief.',
      temperature: 0,
      top_p: 0.25,
      max_output_tokens: 3,
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
      reasoning: { effort: 'xhigh' },
      parallel_tool_calls: false,
      seed: 42,
      stop: 'END',
    };
    expect(await sendAndRecord(fields)).toMatchObject({
      messages: [{ role: 'system', content: 'Be brief.' }, user],
      sampling: { temperature: 0, topP: 0.25, seed: 42 },
      maxTokens: 3,
      topLogprobs: 2,
      templateOptions: { reasoning_effort: 'high' },
      parallelToolCalls: false,
      stop: ['END'],
    });
  });

  it.each([
    [{ type: 'text' }, { type: 'text' }],
    [{ type: 'json_object' }, { type: 'json_object' }],
    [
      { type: 'json_schema', name: 'a', schema: { type: 'array' } },
      { type: 'json_schema', schema: { type: 'array' }, strict: false },
    ],
    [
      { type: 'json_schema', name: 'a', schema: { type: 'array' }, strict: true },
      { type: 'json_schema', schema: { type: 'array' }, strict: true },
    ],
  ])('text.format %j becomes the constraint %j', async (format, constraint) => {
    expect((await sendAndRecord({ text: { format } })).constraint).toEqual(constraint);
  });

  it.each([
    [undefined, 'auto', ['a', 'b']],
    ['required', 'required', ['a', 'b']],
    [{ type: 'function', name: 'b' }, { name: 'b' }, ['a', 'b']],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'b' }] },
      'required',
      ['b'],
    ],
  ])('tool_choice %j becomes %j of the tools %j', async (tool_choice, toolChoice, names) => {
    const parameters = { type: 'object' };
    const tools = [
      { type: 'function', name: 'a', description: 'does a', parameters, strict: true },
      { type: 'function', name: 'b' },
    ];
    const recorded = await sendAndRecord({ tools, tool_choice });
    expect(recorded.toolChoice).toEqual(toolChoice);
    expect(recorded.tools.map(({ name }) => name)).toEqual(names);
    if (names.includes('a'))
      expect(recorded.tools[0]).toEqual({ name: 'a', description: 'does a', parameters, strict: true });
    expect(recorded.tools.at(-1)).toEqual({ name: 'b', strict: false });
  });
});

describe('input', () => {
  const call = (id: string, name = 'f') => ({ type: 'function_call', call_id: id, name, arguments: '{}' });
  const result = (id: string, output: unknown = 'ok') => ({
    type: 'function_call_output',
    call_id: id,
    output,
  });
  const thought = (text: string) => ({
    type: 'reasoning',
    id: 'rs_1',
    summary: [],
    content: [{ type: 'reasoning_text', text }],
  });
  const said = (text: string) => ({ role: 'assistant', content: text });
  const calls = (...ids: string[]) => ids.map((id) => ({ id, name: 'f', arguments: '{}' }));
  const answered = (toolCallId: string) => ({ role: 'tool', content: 'ok', toolCallId });

  it('is messages with or without their type, of text or of parts', async () => {
    const input = [
      { role: 'developer', content: 'Be brief.' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'one ' },
          { type: 'input_text', text: 'two' },
        ],
      },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [
          { type: 'output_text', text: 'three', annotations: [], logprobs: [] },
          { type: 'refusal', refusal: '!' },
        ],
      },
      user,
    ];
    expect(await messagesOf(input)).toEqual([
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'one two' },
      { role: 'assistant', content: 'three!' },
      user,
    ]);
  });

  it('has reasoning, text and calls of one turn in one message', async () => {
    const input = [user, thought('Hm.'), said('Wait.'), call('c1'), call('c2'), result('c1'), result('c2')];
    expect(await messagesOf(input)).toEqual([
      user,
      { role: 'assistant', content: 'Wait.', reasoning: 'Hm.', toolCalls: calls('c1', 'c2') },
      answered('c1'),
      answered('c2'),
    ]);
  });

  it('keeps turns apart', async () => {
    const input = [user, said('a'), said('b'), thought('Hm.'), call('c1'), result('c1'), said('c')];
    expect(await messagesOf(input)).toEqual([
      user,
      { role: 'assistant', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'assistant', content: '', reasoning: 'Hm.', toolCalls: calls('c1') },
      answered('c1'),
      { role: 'assistant', content: 'c' },
    ]);
  });

  it('has outputs right behind their calls, whatever was said in between', async () => {
    const input = [
      user,
      thought('1'),
      call('c1'),
      thought('2'),
      said('a'),
      call('c2'),
      result('c1'),
      result('c2'),
    ];
    expect(await messagesOf(input)).toEqual([
      user,
      { role: 'assistant', content: 'a', reasoning: '1\n2', toolCalls: calls('c1', 'c2') },
      answered('c1'),
      answered('c2'),
    ]);
  });

  it('takes outputs of parts, and summaries where reasoning has nothing else', async () => {
    const parts = [
      { type: 'input_text', text: 'o' },
      { type: 'input_text', text: 'k' },
    ];
    const summary = [{ type: 'summary_text', text: 'Hm.' }];
    const input = [user, { type: 'reasoning', id: 'rs_1', summary }, call('c1'), result('c1', parts)];
    expect(await messagesOf(input)).toEqual([
      user,
      { role: 'assistant', content: '', reasoning: 'Hm.', toolCalls: calls('c1') },
      answered('c1'),
    ]);
  });
});
