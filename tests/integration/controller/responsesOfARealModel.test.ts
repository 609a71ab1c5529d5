import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startController, type RunningController } from '../../../src/controller/startController.js';
import { eventually } from '../../support/eventually.js';
import { captureLog, testControllerOptions } from '../../support/testCluster.js';
import { startTinyWorker, type TinyWorker } from '../../support/tinyWorker.js';

const model = 'tiny';
const greedy = { model, temperature: 0, max_output_tokens: 24 };

let controller: RunningController;
let worker: TinyWorker;
let client: OpenAI;

beforeAll(async () => {
  controller = await startController({
    ...testControllerOptions,
    models: [model],
    logger: captureLog().logger,
  });
  worker = await startTinyWorker({ controllerUrl: controller.url });
  client = new OpenAI({ baseURL: `${controller.url}/v1`, apiKey: 'unused', maxRetries: 0 });
  await eventually(async () => expect((await fetch(`${controller.url}/health`)).status).toBe(200), {
    timeout: 30_000,
  });
}, 60_000);
afterAll(async () => {
  await worker.close();
  await controller.close();
});

it('are the same as JSON, as a stream and as a replay', async () => {
  const asked = { ...greedy, input: 'What is the sea?' };

  const created = await client.responses.create(asked);
  const streamed = await client.responses.stream(asked).finalResponse();
  const replayed = await client.responses.stream({ response_id: streamed.id }).finalResponse();

  expect(created.output_text.length).toBeGreaterThan(20);
  expect(created).toMatchObject({ status: 'incomplete', usage: { output_tokens: 24 } });
  expect(streamed.output_text).toBe(created.output_text);
  expect(replayed).toEqual(streamed);
});

it('know what was said before, and count its tokens as the prompt that they are', async () => {
  const first = await client.responses.create({
    ...greedy,
    input: 'Tell me of the green hills and the river. '.repeat(4),
  });
  const asked = { model, input: 'Hello', previous_response_id: first.id };

  const { input_tokens } = await client.responses.inputTokens.count(asked);
  const alone = await client.responses.inputTokens.count({ model, input: 'Hello' });
  const second = await client.responses.create({ ...greedy, ...asked });

  expect(second.usage?.input_tokens).toBe(input_tokens);
  expect(input_tokens).toBeGreaterThan((first.usage?.total_tokens ?? 0) + alone.input_tokens / 2);
  expect(second.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(0);
});

it('count more tokens than the context has', async () => {
  const { input_tokens } = await client.responses.inputTokens.count({ model, input: 'sea '.repeat(4_000) });

  expect(input_tokens).toBeGreaterThanOrEqual(4_000);
});

it('follow a schema, and call functions that they have to call', async () => {
  const schema = {
    type: 'object',
    properties: { city: { enum: ['Oslo', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  };
  const answered = await client.responses.create({
    model,
    input: 'Hello',
    text: { format: { type: 'json_schema', name: 'city', schema, strict: true } },
  });
  expect(['Oslo', 'Rome']).toContain((JSON.parse(answered.output_text) as { city: string }).city);

  const asked = await client.responses.create({
    model,
    input: 'Hello',
    tools: [{ type: 'function', name: 'get_weather', parameters: schema, strict: true }],
    tool_choice: 'required',
    parallel_tool_calls: false,
  });
  const called = asked.output.find((item) => item.type === 'function_call');
  expect(called?.name).toBe('get_weather');
  expect(['Oslo', 'Rome']).toContain((JSON.parse(called?.arguments ?? '{}') as { city: string }).city);
});

it('have log probabilities of the text that they are', async () => {
  const { output } = await client.responses.create({
    ...greedy,
    input: 'Hello',
    include: ['message.output_text.logprobs'],
    top_logprobs: 2,
  });

  const part = output[0]?.type === 'message' ? output[0].content[0] : undefined;
  if (part?.type !== 'output_text') throw new Error('the model said nothing');
  const bytes = (part.logprobs ?? []).flatMap((token) => token.bytes);
  expect(Buffer.from(bytes).toString()).toBe(part.text);
  expect(part.logprobs?.every(({ top_logprobs }) => top_logprobs.length === 2)).toBe(true);
});
