import { describe, expect, it } from 'vitest';
import type { OutputDelta, SampledLogprob, TokenLogprob } from '../../../src/protocol/generation.js';
import type { Script } from '../../support/fakeWorker.js';
import { chunksOf, openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';

const params = { model: 'test-model', messages: [{ role: 'user' as const, content: 'Hi' }] };
const tools = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object' } } }];

interface Step {
  readonly deltas: OutputDelta[];
  readonly logprobs?: SampledLogprob[];
}

/** One token a step. */
function say(
  steps: readonly Step[],
  finishReason: 'stop' | 'tool_calls' = 'stop',
  deltas: OutputDelta[] = [],
): Script {
  return async (call) => {
    await call.send({ type: 'accepted', promptTokens: 5, cachedTokens: 0 });
    for (const [index, step] of steps.entries())
      await call.send({ type: 'output', choice: 0, tokenIds: [index], ...step });
    const usage = { promptTokens: 5, completionTokens: steps.length, reasoningTokens: 2, cachedTokens: 0 };
    await call.send({ type: 'done', deltas, finishReason, usage, timings: { prefillMs: 1, decodeMs: 1 } });
  };
}

const text = (delta: string): OutputDelta => ({ type: 'text', delta });
const reasoning = (delta: string): OutputDelta => ({ type: 'reasoning', delta });
const call = (index: number, delta: string, name?: string): OutputDelta => ({
  type: 'toolCall',
  index,
  delta,
  ...(name === undefined ? {} : { name }),
});

function probable(token: string, logprob: number, top: [string, number][] = []): SampledLogprob {
  const entry = (of: string, value: number): TokenLogprob => ({
    token: 1,
    bytes: Buffer.from(of).toString('base64'),
    logprob: value,
  });
  return { ...entry(token, logprob), top: top.map(([of, value]) => entry(of, value)) };
}

describe('a chat completion', () => {
  const script = say(
    [
      { deltas: [reasoning('Let me')] },
      { deltas: [reasoning(' think.')] },
      { deltas: [text('Well:')] },
      { deltas: [call(0, '', 'f')] },
      { deltas: [call(0, '{"a":')] },
      { deltas: [call(0, '1}'), call(1, '{}', 'f')] },
    ],
    'tool_calls',
  );

  it('has reasoning, content and tool calls', async () => {
    const { client, workers } = await startTestCluster({ workers: [{ script }] });

    const completion = await client.chat.completions.create({ ...params, tools });

    const [choice] = completion.choices;
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: { role: 'assistant', content: 'Well:', refusal: null, reasoning_content: 'Let me think.' },
    });
    expect(choice?.message.tool_calls).toEqual([
      {
        id: expect.stringMatching(/^call_\w+$/) as string,
        type: 'function',
        function: { name: 'f', arguments: '{"a":1}' },
      },
      {
        id: expect.stringMatching(/^call_\w+$/) as string,
        type: 'function',
        function: { name: 'f', arguments: '{}' },
      },
    ]);
    expect(completion.usage?.completion_tokens_details?.reasoning_tokens).toBe(2);
    expect(workers[0]?.requests[0]).toMatchObject({
      tools: [{ name: 'f', strict: false }],
      toolChoice: 'auto',
    });
  });

  it('comes in a stream as the official helper puts it together', async () => {
    const { client } = await startTestCluster({ workers: [{ script }] });

    const stream = client.chat.completions.stream({ ...params, tools });
    const final = await stream.finalChatCompletion();

    expect(final.choices[0]?.message.tool_calls?.map((made) => made.function.arguments)).toEqual([
      '{"a":1}',
      '{}',
    ]);
    expect(final.choices[0]?.message.content).toBe('Well:');
  });

  it('has no content where there are only calls', async () => {
    const { client } = await startTestCluster({
      workers: [{ script: say([{ deltas: [call(0, '{}', 'f')] }], 'tool_calls') }],
    });
    const completion = await client.chat.completions.create({ ...params, tools });
    expect(completion.choices[0]?.message.content).toBeNull();
  });
});

describe('log probabilities', () => {
  const euro = Buffer.from('€');
  const half = (bytes: Buffer): SampledLogprob => ({
    token: 1,
    bytes: bytes.toString('base64'),
    logprob: -1,
    top: [],
  });
  const script = say([
    {
      deltas: [text('Oslo')],
      logprobs: [
        probable('Oslo', -0.1, [
          ['Oslo', -0.1],
          ['Rome', -2.5],
        ]),
      ],
    },
    { deltas: [], logprobs: [half(euro.subarray(0, 1))] },
    { deltas: [text('€')], logprobs: [half(euro.subarray(1))] },
  ]);

  it('of a chat completion name each token with its bytes', async () => {
    const { client, workers } = await startTestCluster({ workers: [{ script }] });

    const completion = await client.chat.completions.create({ ...params, logprobs: true, top_logprobs: 2 });

    expect(workers[0]?.requests[0]?.topLogprobs).toBe(2);
    const content = completion.choices[0]?.logprobs?.content ?? [];
    expect(content[0]).toEqual({
      token: 'Oslo',
      logprob: -0.1,
      bytes: [...Buffer.from('Oslo')],
      top_logprobs: [
        { token: 'Oslo', logprob: -0.1, bytes: [...Buffer.from('Oslo')] },
        { token: 'Rome', logprob: -2.5, bytes: [...Buffer.from('Rome')] },
      ],
    });
    const bytes = content.flatMap((entry) => entry.bytes ?? []);
    expect(Buffer.from(bytes).toString()).toBe(completion.choices[0]?.message.content);
  });

  it('of a stream come with the text that their tokens made', async () => {
    const { url } = await startTestCluster({ workers: [{ script }] });

    const stream = await openSse(`${url}/v1/chat/completions`, { ...params, logprobs: true, stream: true });
    const chunks = chunksOf(await stream.rest()).flatMap(({ choices }) => choices);

    expect(chunks.map(({ delta, logprobs }) => [delta.content, logprobs?.content.length])).toEqual([
      ['', undefined],
      ['Oslo', 1],
      ['€', 2],
      [undefined, undefined],
    ]);
  });

  it('of a completion have the old form, with offsets into the text', async () => {
    const { client } = await startTestCluster({ workers: [{ script }] });

    const completion = await client.completions.create({
      model: 'test-model',
      prompt: 'The capital is ',
      logprobs: 2,
    });

    expect(completion.choices[0]).toEqual({
      index: 0,
      text: 'Oslo€',
      finish_reason: 'stop',
      logprobs: {
        // The last two bytes of the sign are two pieces that are no character.
        tokens: ['Oslo', '\ufffd', '\ufffd\ufffd'],
        token_logprobs: [-0.1, -1, -1],
        top_logprobs: [{ Oslo: -0.1, Rome: -2.5 }, {}, {}],
        text_offset: [0, 4, 5],
      },
    });
  });
});

describe('a completion', () => {
  it('of several prompts has their choices in order, and counts each prompt once', async () => {
    const script: Script = (worker) => {
      const { request } = worker;
      const prompt = request.kind === 'text' ? JSON.stringify(request.prompt) : '';
      return say([{ deltas: [text(`${prompt}/${request.sampling.seed}`)] }])(worker);
    };
    const { client, workers } = await startTestCluster({ workers: [{ script }] });

    const completion = await client.completions.create({
      model: 'test-model',
      prompt: [[1, 2], [3]],
      n: 2,
      seed: 7,
    });

    expect(completion.choices.map((choice) => [choice.index, choice.text])).toEqual([
      [0, '[1,2]/7'],
      [1, '[1,2]/8'],
      [2, '[3]/7'],
      [3, '[3]/8'],
    ]);
    expect(completion.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 4 });
    expect(workers[0]?.requests.every(({ maxTokens }) => maxTokens === 16)).toBe(true);
  });

  it('with echo has the prompt in front, rated', async () => {
    const { client } = await startTestCluster({
      workers: [
        {
          script: async (worker) => {
            const usage = { promptTokens: 2, completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 };
            await worker.send({ type: 'accepted', promptTokens: 2, cachedTokens: 0 });
            await worker.send({ type: 'echo', text: 'Hi you', logprobs: [null, probable(' you', -3)] });
            await worker.send({
              type: 'done',
              deltas: [],
              finishReason: 'length',
              usage,
              timings: { prefillMs: 1, decodeMs: 0 },
            });
          },
        },
      ],
    });

    const completion = await client.completions.create({
      model: 'test-model',
      prompt: 'Hi you',
      echo: true,
      logprobs: 0,
      max_tokens: 0,
    });

    expect(completion.choices[0]).toEqual({
      index: 0,
      text: 'Hi you',
      finish_reason: 'length',
      logprobs: {
        tokens: ['Hi', ' you'],
        token_logprobs: [null, -3],
        top_logprobs: [null, {}],
        text_offset: [0, 2],
      },
    });
  });

  it.each([
    [{ best_of: 2 }, 'unsupported_value', 'best_of'],
    [{ suffix: 'x' }, 'unsupported_parameter', 'suffix'],
    [{ max_tokens: 0 }, 'integer_below_min_value', 'max_tokens'],
    [{ prompt: [] }, 'empty_array', 'prompt'],
    [{ prompt: [[1], []] }, 'empty_array', 'prompt[1]'],
    [{ prompt: [1.5] }, 'invalid_type', 'prompt[0]'],
    [{ logprobs: 6 }, 'integer_above_max_value', 'logprobs'],
  ])('refuses %j', async (fields, code, param) => {
    const { client } = await startTestCluster();
    const bad = { model: 'test-model', prompt: 'Hi', ...fields } as { model: string; prompt: string };
    await expect(client.completions.create(bad)).rejects.toMatchObject({ status: 400, code, param });
  });
});
