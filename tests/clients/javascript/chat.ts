import { expect } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../support/eventually.js';
import { scriptedModel } from '../../support/liveCluster.js';
import { tinyChat, user, type Behaviour } from './behaviour.js';

const Place = z.object({ city: z.string(), degrees: z.number() });

export const chat: readonly Behaviour[] = [
  {
    name: 'creates a chat completion of a real model, the same one for the same request',
    async run({ client }) {
      const { choices, usage } = await client.chat.completions.create(tinyChat);
      expect(choices[0]?.message.content).toMatch(/\w{3}/);
      expect(choices[0]?.finish_reason).toBe('length');
      expect(usage?.completion_tokens).toBe(12);
      const again = await client.chat.completions.create(tinyChat);
      expect(again.choices).toEqual(choices);
    },
  },
  {
    name: 'streams the same text, chunk by chunk, with the usage in the end',
    async run({ client }) {
      const whole = await client.chat.completions.create(tinyChat);
      const stream = await client.chat.completions.create({
        ...tinyChat,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
      expect(text).toBe(whole.choices[0]?.message.content);
      expect(chunks.length).toBeGreaterThan(5);
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 12 } });
    },
  },
  {
    name: 'folds a stream with its .stream() helper',
    async run({ client }) {
      const stream = client.chat.completions.stream({
        model: scriptedModel,
        messages: user('Say hello.'),
        stream_options: { include_usage: true },
      });
      const contents: string[] = [];
      stream.on('content', (delta) => contents.push(delta));
      const final = await stream.finalChatCompletion();
      expect(contents).toEqual(['Hel', 'lo', ' wörld', ' 🦙']);
      expect(final.choices[0]).toMatchObject({
        finish_reason: 'stop',
        message: { role: 'assistant', content: 'Hello wörld 🦙' },
      });
      expect((await stream.totalUsage()).total_tokens).toBe(11);
    },
  },
  {
    name: 'parses an answer by a zod schema, from the real model and from a scripted one',
    async run({ client, zodResponseFormat }) {
      const Answer = z.object({ sure: z.boolean(), size: z.enum(['s', 'm']) });
      const real = await client.chat.completions.parse({
        ...tinyChat,
        max_tokens: 60,
        response_format: zodResponseFormat(Answer, 'answer'),
      });
      expect(Answer.parse(real.choices[0]?.message.parsed)).toEqual(real.choices[0]?.message.parsed);

      const scripted = await client.chat.completions.parse({
        model: scriptedModel,
        messages: user('Where is it?'),
        response_format: zodResponseFormat(Place, 'place'),
      });
      expect(scripted.choices[0]?.message.parsed).toEqual({ city: 'Oslo', degrees: 3 });
    },
  },
  {
    name: 'runs tools until the model has answered',
    async run({ client, zodFunction }) {
      const cities: string[] = [];
      const runner = client.chat.completions.runTools({
        model: scriptedModel,
        messages: user('How is the weather?'),
        tools: [
          zodFunction({
            name: 'get_weather',
            parameters: z.object({ city: z.string() }),
            function: ({ city }) => {
              cities.push(city);
              return `sun in ${city}`;
            },
          }),
        ],
      });
      expect(await runner.finalContent()).toBe('sun in Oslo and sun in Rome');
      expect(cities).toEqual(['Oslo', 'Rome']);
    },
  },
  {
    name: 'runs tools over a stream',
    async run({ client }) {
      const runner = client.chat.completions.runTools({
        model: scriptedModel,
        stream: true,
        messages: user('How is the weather?'),
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather of a city.',
              parameters: { type: 'object', properties: { city: { type: 'string' } } },
              parse: (text: string) => JSON.parse(text) as { city: string },
              function: ({ city }: { city: string }) => `rain in ${city}`,
            },
          },
        ],
      });
      expect(await runner.finalContent()).toBe('rain in Oslo and rain in Rome');
    },
  },
  {
    name: 'gets valid arguments for a tool that the real model is made to call',
    async run({ client }) {
      const parameters = {
        type: 'object',
        properties: { on: { type: 'boolean' } },
        required: ['on'],
        additionalProperties: false,
      };
      const { choices } = await client.chat.completions.create({
        ...tinyChat,
        max_tokens: 400,
        tools: [{ type: 'function', function: { name: 'switch_light', parameters, strict: true } }],
        tool_choice: 'required',
        parallel_tool_calls: false,
      });
      const [call] = choices[0]?.message.tool_calls ?? [];
      if (call?.type !== 'function') throw new Error(`no call in ${JSON.stringify(choices)}`);
      expect(call.function.name).toBe('switch_light');
      expect(JSON.parse(call.function.arguments)).toEqual({ on: expect.any(Boolean) as boolean });
      expect(choices[0]?.finish_reason).toBe('tool_calls');
    },
  },
  {
    name: 'gets n choices, each with its log probabilities',
    async run({ client }) {
      const { choices, usage } = await client.chat.completions.create({
        ...tinyChat,
        temperature: 1,
        seed: 7,
        n: 3,
        logprobs: true,
        top_logprobs: 2,
      });
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
      expect(usage?.completion_tokens).toBe(36);
      for (const { logprobs, message } of choices) {
        const tokens = logprobs?.content ?? [];
        expect(tokens).toHaveLength(12);
        const bytes = tokens.flatMap((token) => token.bytes ?? []);
        expect(Buffer.from(bytes).toString()).toContain(message.content?.slice(0, 5));
        for (const token of tokens) expect(token.top_logprobs).toHaveLength(2);
      }
    },
  },
  {
    name: 'reads what a model thought beside the answer',
    async run({ client }) {
      const { choices, usage } = await client.chat.completions.create({
        model: scriptedModel,
        messages: user('Think first.'),
      });
      expect(choices[0]?.message).toMatchObject({ reasoning_content: 'Hm.', content: 'Done.' });
      expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(1);
    },
  },
  {
    name: 'frees the slot when it aborts a stream or leaves it',
    async run({ client, cluster, OpenAI }) {
      const ask = { model: scriptedModel, messages: user('Talk for ever.'), stream: true } as const;
      const slotIsFree = () =>
        eventually(async () => {
          const nodes = (await cluster.live.status()).nodes;
          expect(nodes.map(({ slots }) => slots.busy)).toEqual([0, 0]);
          expect(cluster.live.scripted.slotsBusy()).toBe(0);
        });

      const left = await client.chat.completions.create(ask);
      for await (const chunk of left) if (chunk.choices[0]?.delta.content) break;
      await slotIsFree();

      const leaving = new AbortController();
      const unanswered = client.chat.completions.create(
        { ...ask, stream: false },
        { signal: leaving.signal },
      );
      const outcome = unanswered.catch((error: unknown) => error);
      await eventually(() => expect(cluster.live.scripted.slotsBusy()).toBe(1));
      leaving.abort();
      expect(await outcome).toBeInstanceOf(OpenAI.APIUserAbortError);
      await slotIsFree();
    },
  },
];
