import type Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import type { ChatGenerateRequest } from '../../../src/protocol/generateRequest.js';
import { answerDeltas, startAnthropicCluster } from '../../support/anthropic.js';

const user = { role: 'user', content: 'Hi' } as const;
const tool = {
  name: 'weather',
  description: 'of a city',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};

/** What a worker is asked for when a client sends `fields`, also those that the official types do not have. */
async function sendAndRecord(fields: Record<string, unknown>): Promise<ChatGenerateRequest> {
  const { client, workers } = await startAnthropicCluster();
  const params = { model: 'test-model', max_tokens: 9, messages: [user], ...fields };
  await client.messages.create(params as Anthropic.MessageCreateParamsNonStreaming);
  const [recorded] = workers[0]?.requests ?? [];
  if (recorded?.kind !== 'chat') throw new Error('no request reached the worker');
  return recorded;
}

const neutral = {
  model: 'test-model',
  kind: 'chat',
  messages: [user],
  tools: [],
  toolChoice: 'none',
  parallelToolCalls: true,
  templateOptions: {},
  constraint: { type: 'text' },
  sampling: { temperature: 1, topP: 1, topK: 0, minP: 0, repeatPenalty: 1 },
  maxTokens: 9,
  stop: [],
};

describe('parameters', () => {
  it('have neutral defaults', async () => {
    expect(await sendAndRecord({})).toMatchObject(neutral);
  });

  it('are handed on', async () => {
    const fields = { temperature: 0.5, top_p: 0.25, top_k: 40, stop_sequences: ['END', '\n\nHuman:'] };
    expect(await sendAndRecord(fields)).toMatchObject({
      sampling: { temperature: 0.5, topP: 0.25, topK: 40 },
      stop: ['END', '\n\nHuman:'],
    });
  });

  it('are accepted without effect where they ask for nothing that a model here has', async () => {
    const fields = {
      metadata: { user_id: 'u' },
      service_tier: 'auto',
      cache_control: { type: 'ephemeral' },
      inference_geo: null,
      speed: 'fast',
      diagnostics: { previous_message_id: null },
      context_management: { edits: [{ type: 'clear_thinking_20251015' }] },
      container: null,
      mcp_servers: [],
      tools: [],
      tool_choice: { type: 'auto' },
      some_future_field: { deep: [1, 2, 3] },
    };
    expect(await sendAndRecord(fields)).toMatchObject(neutral);
  });

  it('take null as not given', async () => {
    const names = ['system', 'tools', 'tool_choice', 'thinking', 'output_config', 'output_format'];
    const more = ['temperature', 'top_p', 'top_k', 'stop_sequences', 'stream'];
    expect(
      await sendAndRecord(Object.fromEntries([...names, ...more].map((name) => [name, null]))),
    ).toMatchObject(neutral);
  });

  it.each([
    [{ type: 'enabled', budget_tokens: 2048 }, { enable_thinking: true }],
    [{ type: 'adaptive' }, { enable_thinking: true }],
    [{ type: 'disabled' }, { enable_thinking: false }],
  ])('turn %j into switches of the template', async (thinking, templateOptions) => {
    expect(await sendAndRecord({ thinking })).toMatchObject({ templateOptions });
  });

  it.each([
    ['low', 'low'],
    ['medium', 'medium'],
    ['high', 'high'],
    ['xhigh', 'high'],
    ['max', 'high'],
  ])('turn the effort %s into %s', async (effort, reasoning_effort) => {
    expect((await sendAndRecord({ output_config: { effort } })).templateOptions).toEqual({
      reasoning_effort,
    });
  });

  it.each(['output_config', 'output_format'])('enforce the schema of %s', async (name) => {
    const format = { type: 'json_schema', schema: { type: 'object', properties: {} } };
    const { constraint } = await sendAndRecord({ [name]: name === 'output_config' ? { format } : format });
    expect(constraint).toEqual({ type: 'json_schema', schema: format.schema, strict: true });
  });
});

describe('the system prompt', () => {
  it.each<[string, unknown]>([
    ['a text', 'Be brief.\nBe kind.'],
    [
      'blocks',
      [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }, textOf('Be kind.')],
    ],
    ['a text behind the billing line', 'x-anthropic-billing-header: cch=1;\nBe brief.\nBe kind.'],
    [
      'blocks behind the billing block',
      [textOf('x-anthropic-billing-header: cch=1;'), textOf('Be brief.'), textOf('Be kind.')],
    ],
  ])('as %s comes first', async (_name, system) => {
    const { messages } = await sendAndRecord({ system });
    expect(messages).toEqual([{ role: 'system', content: 'Be brief.\nBe kind.' }, user]);
  });

  it('may go on between the messages', async () => {
    const later = { role: 'system', content: [textOf('Be brief.')] };
    const { messages } = await sendAndRecord({ messages: [user, later, user] });
    expect(messages).toEqual([user, { role: 'system', content: 'Be brief.' }, user]);
  });
});

describe('messages', () => {
  it('of one role in a row become one turn', async () => {
    const messages = [
      { role: 'user', content: 'one' },
      { role: 'user', content: [textOf('two'), textOf('three')] },
      { role: 'assistant', content: 'four' },
      { role: 'assistant', content: [textOf('five')] },
      user,
    ];
    expect((await sendAndRecord({ messages })).messages).toEqual([
      { role: 'user', content: 'one\ntwo\nthree' },
      { role: 'assistant', content: 'four\nfive' },
      user,
    ]);
  });

  it('keep thinking, calls and their results', async () => {
    const messages = [
      user,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Two calls.', signature: '' },
          { type: 'redacted_thinking', data: 'secret' },
          textOf('Let me look.'),
          { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Rome' } },
          { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: [textOf('sunny'), textOf('30 °C')] },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: 'no city', is_error: true },
          { type: 'tool_result', tool_use_id: 'toolu_3' },
          textOf('And now?'),
        ],
      },
    ];
    expect((await sendAndRecord({ messages })).messages).toEqual([
      user,
      {
        role: 'assistant',
        content: 'Let me look.',
        reasoning: 'Two calls.',
        toolCalls: [
          { id: 'toolu_1', name: 'weather', arguments: '{"city":"Rome"}' },
          { id: 'toolu_2', name: 'weather', arguments: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'toolu_1', content: 'sunny\n30 °C' },
      { role: 'tool', toolCallId: 'toolu_2', content: 'Error: no city' },
      { role: 'tool', toolCallId: 'toolu_3', content: '' },
      { role: 'user', content: 'And now?' },
    ]);
  });

  it('put results before the texts of their message', async () => {
    const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' };
    const call = { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} };
    const messages = [
      user,
      { role: 'assistant', content: [call] },
      { role: 'user', content: [textOf('Here.'), result] },
    ];
    const roles = (await sendAndRecord({ messages })).messages.map(({ role }) => role);
    expect(roles).toEqual(['user', 'assistant', 'tool', 'user']);
  });
});

describe('tools', () => {
  it('are offered with their schemas', async () => {
    const strict = { ...tool, name: 'strict', type: 'custom', strict: true, cache_control: null };
    const { tools, toolChoice, parallelToolCalls } = await sendAndRecord({ tools: [tool, strict] });
    const { input_schema: parameters, description } = tool;
    expect({ tools, toolChoice, parallelToolCalls }).toEqual({
      tools: [
        { name: 'weather', description, parameters, strict: false },
        { name: 'strict', description, parameters, strict: true },
      ],
      toolChoice: 'auto',
      parallelToolCalls: true,
    });
  });

  it.each([
    [{ type: 'auto' }, { toolChoice: 'auto', parallelToolCalls: true }],
    [
      { type: 'auto', disable_parallel_tool_use: true },
      { toolChoice: 'auto', parallelToolCalls: false },
    ],
    [
      { type: 'any', disable_parallel_tool_use: false },
      { toolChoice: 'required', parallelToolCalls: true },
    ],
    [{ type: 'tool', name: 'weather' }, { toolChoice: { name: 'weather' } }],
    [{ type: 'none' }, { toolChoice: 'none' }],
  ])('are chosen by %j', async (tool_choice, chosen) => {
    expect(await sendAndRecord({ tools: [tool], tool_choice })).toMatchObject(chosen);
  });

  it('go round: parallel calls are answered, and the model is asked again', async () => {
    const { client, workers } = await startAnthropicCluster();
    workers[0]?.answerNext(
      answerDeltas(
        [
          { type: 'reasoning', delta: 'Two cities.' },
          { type: 'toolCall', index: 0, name: 'weather', delta: '{"city":"Rome"}' },
          { type: 'toolCall', index: 1, name: 'weather', delta: '{"city":"Oslo"}' },
        ],
        { finishReason: 'tool_calls' },
      ),
    );
    const params = { model: 'test-model', max_tokens: 9, tools: [tool] };
    const asked = await client.messages.stream({ ...params, messages: [user] }).finalMessage();
    const calls = asked.content.filter((block) => block.type === 'tool_use');
    const results = calls.map(({ id, input }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: `sunny in ${(input as { city: string }).city}`,
    }));

    const last = await client.messages.create({
      ...params,
      messages: [user, asked, { role: 'user', content: results }],
    });

    expect(last.stop_reason).toBe('end_turn');
    const [rome, oslo] = calls.map(({ id }) => id);
    expect(workers[0]?.requests[1]).toMatchObject({
      messages: [
        user,
        {
          role: 'assistant',
          content: '',
          reasoning: 'Two cities.',
          toolCalls: [
            { id: rome, name: 'weather', arguments: '{"city":"Rome"}' },
            { id: oslo, name: 'weather', arguments: '{"city":"Oslo"}' },
          ],
        },
        { role: 'tool', toolCallId: rome, content: 'sunny in Rome' },
        { role: 'tool', toolCallId: oslo, content: 'sunny in Oslo' },
      ],
    });
  });
});

function textOf(text: string): { type: 'text'; text: string } {
  return { type: 'text', text };
}
