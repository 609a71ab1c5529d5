import { request } from 'undici';
import { expect, it } from 'vitest';
import type { ChatGenerateRequest } from '../../../src/protocol/generateRequest.js';
import { startTestCluster } from '../../support/testCluster.js';

const user = { role: 'user', content: 'Hi' };

/** What a worker is asked for when a client sends `fields`. */
async function sendAndRecord(fields: Record<string, unknown>): Promise<ChatGenerateRequest> {
  const { url, workers } = await startTestCluster();
  const response = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [user], ...fields }),
  });
  expect([response.statusCode, await response.body.text()]).toMatchObject([200, expect.any(String)]);
  const [recorded] = workers[0]?.requests ?? [];
  if (recorded?.kind !== 'chat') throw new Error('no request reached the worker');
  expect(recorded.requestId).toBe(response.headers['x-request-id']);
  return recorded;
}

const defaults = {
  model: 'test-model',
  kind: 'chat',
  principal: { keyId: 'anonymous', weight: 1, priority: 0, cacheNamespace: 'anonymous' },
  messages: [user],
  sampling: { temperature: 1, topP: 1 },
  maxTokens: null,
  stop: [],
  resumeTokens: [],
};

it("takes OpenAI's defaults where the client gives nothing", async () => {
  expect(await sendAndRecord({})).toMatchObject(defaults);
});

it('takes null as not given', async () => {
  const fields = {
    temperature: null,
    top_p: null,
    max_tokens: null,
    max_completion_tokens: null,
    seed: null,
    stop: null,
    stream: null,
    stream_options: null,
    n: null,
    tools: null,
    tool_choice: null,
    response_format: null,
    logprobs: null,
    top_logprobs: null,
    logit_bias: null,
    presence_penalty: null,
    frequency_penalty: null,
    reasoning_effort: null,
    user: null,
  };
  expect(await sendAndRecord(fields)).toMatchObject(defaults);
});

it('hands on what the client gives', async () => {
  const fields = { temperature: 0, top_p: 0.25, seed: 42, max_tokens: 3, stop: 'END' };
  expect(await sendAndRecord(fields)).toMatchObject({
    sampling: { temperature: 0, topP: 0.25, seed: 42 },
    maxTokens: 3,
    stop: ['END'],
  });
});

it('takes max_completion_tokens before max_tokens', async () => {
  expect(await sendAndRecord({ max_tokens: 3, max_completion_tokens: 2 })).toMatchObject({ maxTokens: 2 });
});

it('takes up to four stop texts', async () => {
  expect(await sendAndRecord({ stop: ['a', 'b', '\n', 'd'] })).toMatchObject({ stop: ['a', 'b', '\n', 'd'] });
});

it.each([
  [-1, 0xffffffff],
  [2 ** 32 + 5, 5],
])('folds the 64-bit seed %d to 32 bits', async (seed, folded) => {
  expect((await sendAndRecord({ seed })).sampling.seed).toBe(folded);
});

it('mints a new seed for each request without one', async () => {
  const { client, workers } = await startTestCluster();
  const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
  await client.chat.completions.create(params);
  await client.chat.completions.create(params);

  const [first, second] = workers[0]?.requests ?? [];
  expect(first?.sampling.seed).not.toBe(second?.sampling.seed);
});

it('joins content parts', async () => {
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one ' },
        { type: 'text', text: 'two' },
      ],
      name: 'ann',
    },
    { role: 'assistant', content: 'three', refusal: null, tool_calls: [] },
    { role: 'user', content: '' },
  ];
  expect(await sendAndRecord({ messages })).toMatchObject({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'one two' },
      { role: 'assistant', content: 'three' },
      { role: 'user', content: '' },
    ],
  });
});

it('accepts what asks for nothing, and fields it does not know', async () => {
  const fields = {
    n: 1,
    logprobs: false,
    tools: [],
    tool_choice: 'auto',
    response_format: { type: 'text' },
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: {},
    modalities: ['text'],
    parallel_tool_calls: true,
    store: true,
    metadata: { a: 'b' },
    user: 'u1',
    service_tier: 'auto',
    prompt_cache_key: 'k',
    safety_identifier: 's',
    verbosity: 'low',
    some_future_field: { deep: [1, 2, 3] },
  };
  expect(await sendAndRecord(fields)).toMatchObject(defaults);
});

it('takes a large prompt', async () => {
  const content = 'ä🦙x'.repeat(500_000);
  expect((await sendAndRecord({ messages: [{ role: 'user', content }] })).messages[0]?.content).toBe(content);
});
