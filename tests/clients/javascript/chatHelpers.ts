import { expect } from 'vitest';
import { z } from 'zod';
import { scriptedModel } from '../../support/liveCluster.js';
import { collect, rejection, tinyChat, user, type Behaviour } from './behaviour.js';

const City = z.object({ city: z.string() });

export const chatHelpers: readonly Behaviour[] = [
  {
    name: 'parses what .stream() has streamed',
    async run({ client, zodResponseFormat }) {
      const Place = City.extend({ degrees: z.number() });
      const stream = client.chat.completions.stream({
        model: scriptedModel,
        messages: user('Where is it?'),
        response_format: zodResponseFormat(Place, 'place'),
      });
      const parts: unknown[] = [];
      stream.on('content.delta', ({ parsed }) => parts.push(parsed));
      const { choices } = await stream.finalChatCompletion();
      expect(parts.at(0)).toEqual({ city: 'Oslo' });
      expect(choices[0]?.message.parsed).toEqual({ city: 'Oslo', degrees: 3 });
    },
  },
  {
    name: 'is told by parse() and stream() that an answer was cut off',
    async run({ client, zodResponseFormat, OpenAI }) {
      const response_format = zodResponseFormat(City, 'city');
      const ask = { ...tinyChat, max_tokens: 2, response_format };
      for (const asked of [
        () => client.chat.completions.parse(ask),
        () => client.chat.completions.stream(ask).finalChatCompletion(),
      ]) {
        const error = await rejection(asked());
        expect(error).toBeInstanceOf(OpenAI.OpenAIError);
        // The client has no name for the class.
        expect((error as Error).constructor.name).toBe('LengthFinishReasonError');
      }
    },
  },
  {
    name: 'sees the arguments of every call whole, with what they mean',
    async run({ client, zodFunction }) {
      const stream = client.chat.completions.stream({
        model: scriptedModel,
        messages: user('How is the weather?'),
        tools: [zodFunction({ name: 'get_weather', parameters: City })],
      });
      const done: unknown[] = [];
      stream.on('tool_calls.function.arguments.done', ({ index, name, parsed_arguments }) =>
        done.push([index, name, parsed_arguments]),
      );
      const { choices } = await stream.finalChatCompletion();
      expect(done).toEqual([
        [0, 'get_weather', { city: 'Oslo' }],
        [1, 'get_weather', { city: 'Rome' }],
      ]);
      expect(choices[0]?.finish_reason).toBe('tool_calls');
      expect(choices[0]?.message.tool_calls?.map((call) => call.type)).toEqual(['function', 'function']);
    },
  },
  {
    name: 'goes through a stream and has its chunks and its snapshots agree',
    async run({ client }) {
      const stream = client.chat.completions.stream({
        ...tinyChat,
        stream_options: { include_usage: true },
      });
      let snapshot = '';
      stream.on('content', (_delta, whole) => (snapshot = whole));
      const chunks = await collect(stream);
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
      expect(snapshot).toBe(text);
      expect(await stream.finalContent()).toBe(text);
      expect((await stream.finalMessage()).role).toBe('assistant');
      expect((await stream.totalUsage()).completion_tokens).toBe(12);
    },
  },
];
