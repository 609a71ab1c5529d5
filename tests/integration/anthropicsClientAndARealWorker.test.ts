import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startController, type RunningController } from '../../src/controller/startController.js';
import { createAnthropicClient } from '../support/anthropic.js';
import { eventually } from '../support/eventually.js';
import { captureLog, testControllerOptions } from '../support/testCluster.js';
import { startTinyWorker, type TinyWorker } from '../support/tinyWorker.js';

let controller: RunningController;
let worker: TinyWorker;
let client: Anthropic;

beforeAll(async () => {
  controller = await startController({
    ...testControllerOptions,
    models: ['tiny'],
    logger: captureLog().logger,
  });
  worker = await startTinyWorker({ controllerUrl: controller.url });
  client = createAnthropicClient(controller.url);
  await eventually(async () => expect((await fetch(`${controller.url}/health`)).status).toBe(200));
});
afterAll(async () => {
  await worker.close();
  await controller.close();
});

const messages = [{ role: 'user' as const, content: 'What is the sea?' }];
const greedy = { model: 'tiny', max_tokens: 40, messages, temperature: 0 };

it('streams the text that it answers as JSON, and ends at the limit', async () => {
  // Long enough to be worth taking from the cache.
  const params = { ...greedy, system: 'Speak of the sea and of the hills. '.repeat(10) };
  const whole = await client.messages.create(params);
  const streamed = await client.messages.stream(params).finalMessage();

  expect(whole).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 40 } });
  expect(whole.content).toMatchObject([{ type: 'text' }]);
  expect(streamed.content).toEqual(whole.content);
  const { input_tokens, cache_read_input_tokens } = streamed.usage;
  expect(cache_read_input_tokens).toBeGreaterThan(0);
  expect(input_tokens + (cache_read_input_tokens ?? 0)).toBe(
    whole.usage.input_tokens + (whole.usage.cache_read_input_tokens ?? 0),
  );
});

it('stops at a stop sequence and names it', async () => {
  const whole = await client.messages.create(greedy);
  const text = whole.content[0]?.type === 'text' ? whole.content[0].text : '';
  const stop = text.slice(20, 28);

  const cut = await client.messages.create({ ...greedy, stop_sequences: ['never there', stop] });

  expect(cut).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: stop });
  expect(cut.content).toMatchObject([{ text: text.slice(0, text.indexOf(stop)) }]);
});

it('calls the tool that it has to, with arguments that fit the schema', async () => {
  const city = { type: 'string', enum: ['Rome', 'Oslo'] };
  const input_schema = { type: 'object' as const, properties: { city }, required: ['city'] };
  const message = await client.messages
    .stream({
      ...greedy,
      max_tokens: 200,
      tools: [{ name: 'weather', input_schema }],
      tool_choice: { type: 'tool', name: 'weather' },
    })
    .finalMessage();

  expect(message.stop_reason).toBe('tool_use');
  const call = message.content.find((block) => block.type === 'tool_use');
  expect(call?.name).toBe('weather');
  expect(['Rome', 'Oslo']).toContain((call?.input as { city?: string }).city);
});

it('says that the context is full where it is not the limit that ended the answer', async () => {
  const message = await client.messages.create({ ...greedy, max_tokens: 20_000 });
  expect(message.stop_reason).toBe('model_context_window_exceeded');
});

it.each<[string, Partial<Anthropic.MessageCountTokensParams>]>([
  ['a message', {}],
  ['a system prompt', { system: 'Be brief.' }],
  ['tools', { tools: [{ name: 'weather', input_schema: { type: 'object' } }] }],
  [
    'a conversation',
    { messages: [...messages, { role: 'assistant', content: 'Water.' }, { role: 'user', content: 'Why?' }] },
  ],
])('counts the tokens of %s as it evaluates them', async (_name, fields) => {
  const { model } = greedy;
  const { input_tokens: counted } = await client.messages.countTokens({ model, messages, ...fields });
  const { usage } = await client.messages.create({ ...greedy, ...fields, max_tokens: 1 });
  expect(counted).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
});

it('counts more tokens than the context has', async () => {
  const content = 'the sea '.repeat(5_000);
  const { input_tokens } = await client.messages.countTokens({
    model: 'tiny',
    messages: [{ role: 'user', content }],
  });
  expect(input_tokens).toBeGreaterThan(5_000);
  await expect(
    client.messages.create({ ...greedy, messages: [{ role: 'user', content }] }),
  ).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' });
});

it('counts for models that generate text only', async () => {
  await expect(client.messages.countTokens({ model: 'tiny-embedding', messages })).rejects.toMatchObject({
    status: 400,
    type: 'invalid_request_error',
  });
});
