import type OpenAI from 'openai';
import { expect } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../support/eventually.js';
import { scriptedModel } from '../../support/liveCluster.js';
import { collect, rejection, tinyResponse, type Behaviour } from './behaviour.js';

const Place = z.object({ city: z.string(), degrees: z.number() });
const ask = (input: string) => ({ model: scriptedModel, input });

/** The events of a stream in short: how often each comes, in the order of their first. */
function typesOf(events: readonly { type: string }[]): string[] {
  return events
    .map(({ type }) => type.replace('response.', ''))
    .filter((type, index, all) => all[index - 1] !== type);
}

const textTypes = [
  'created',
  'in_progress',
  'output_item.added',
  'content_part.added',
  'output_text.delta',
  'output_text.done',
  'content_part.done',
  'output_item.done',
  'completed',
];

export const responses: readonly Behaviour[] = [
  {
    name: 'creates a response of a real model, whole and as a stream with the same text',
    async run({ client }) {
      const whole = await client.responses.create(tinyResponse);
      expect(whole.output_text).toMatch(/\w{3}/);
      expect(whole).toMatchObject({
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        usage: { output_tokens: 12 },
      });
      const events = await collect(await client.responses.create({ ...tinyResponse, stream: true }));
      const text = events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : ''));
      expect(text.join('')).toBe(whole.output_text);
      expect(text.filter(Boolean).length).toBeGreaterThan(5);
    },
  },
  {
    name: 'sees every event of a response in its order',
    async run({ client }) {
      const events = await collect(await client.responses.create({ ...ask('Say hello.'), stream: true }));
      expect(typesOf(events)).toEqual(textTypes);
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));

      const thinking = await collect(await client.responses.create({ ...ask('Think first.'), stream: true }));
      const item = ['output_item.added', 'content_part.added'];
      const end = ['content_part.done', 'output_item.done'];
      expect(typesOf(thinking).slice(2, -1)).toEqual([
        ...[...item, 'reasoning_text.delta', 'reasoning_text.done', ...end],
        ...[...item, 'output_text.delta', 'output_text.done', ...end],
      ]);

      const calling = await collect(
        await client.responses.create({ ...ask('How is the weather?'), stream: true }),
      );
      const call = [
        'output_item.added',
        'function_call_arguments.delta',
        'function_call_arguments.done',
        'output_item.done',
      ];
      expect(typesOf(calling).slice(2, -1)).toEqual([...call, ...call]);
    },
  },
  {
    name: 'folds a stream with its .stream() helper',
    async run({ client }) {
      const stream = client.responses.stream(ask('Say hello.'));
      const deltas: string[] = [];
      let snapshot = '';
      stream.on('response.output_text.delta', (event) => {
        deltas.push(event.delta);
        snapshot = event.snapshot;
      });
      const events = await collect(stream);
      const final = await stream.finalResponse();
      expect(deltas).toEqual(['Hel', 'lo', ' wörld', ' 🦙']);
      expect([snapshot, final.output_text]).toEqual(Array<string>(2).fill('Hello wörld 🦙'));
      expect(typesOf(events)).toEqual(textTypes);
      expect(final).toMatchObject({ status: 'completed', usage: { output_tokens: 4 } });
    },
  },
  {
    name: 'streams a stored response once more, from the beginning and from the middle',
    async run({ client }) {
      const { id } = await client.responses.create(ask('Say hello.'));
      const again = await collect(await client.responses.retrieve(id, { stream: true }));
      expect(typesOf(again)).toEqual(textTypes);
      const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 4 }));
      expect(rest).toEqual(again.slice(5));

      const helped = client.responses.stream({ response_id: id, starting_after: 4 });
      expect(await collect(helped)).toHaveLength(rest.length);
      expect((await helped.finalResponse()).output_text).toBe('Hello wörld 🦙');
    },
  },
  {
    name: 'parses a response by a zod schema, from the real model and from a scripted one',
    async run({ client, zodTextFormat }) {
      const Answer = z.object({ sure: z.boolean(), size: z.enum(['s', 'm']) });
      const real = await client.responses.parse({
        ...tinyResponse,
        max_output_tokens: 60,
        text: { format: zodTextFormat(Answer, 'answer') },
      });
      expect(Answer.parse(real.output_parsed)).toEqual(real.output_parsed);

      const format = zodTextFormat(Place, 'place');
      const scripted = await client.responses.parse({ ...ask('Where is it?'), text: { format } });
      expect(scripted.output_parsed).toEqual({ city: 'Oslo', degrees: 3 });
      const streamed = client.responses.stream({ ...ask('Where is it?'), text: { format } });
      expect((await streamed.finalResponse()).output_parsed).toEqual({ city: 'Oslo', degrees: 3 });
    },
  },
  {
    name: 'answers the calls of a model and goes on with the previous response',
    async run({ client, zodResponsesFunction }) {
      const City = z.object({ city: z.string() });
      const tools = [zodResponsesFunction({ name: 'get_weather', parameters: City })];
      const asked = await client.responses.parse({ ...ask('How is the weather?'), tools });
      const calls = asked.output.filter((item) => item.type === 'function_call');
      expect(calls.map((call) => call.parsed_arguments as unknown)).toEqual([
        { city: 'Oslo' },
        { city: 'Rome' },
      ]);

      const input = calls.map((call): OpenAI.Responses.ResponseInputItem => ({
        type: 'function_call_output',
        call_id: call.call_id,
        output: `sun in ${(call.parsed_arguments as { city: string }).city}`,
      }));
      const said = { model: scriptedModel, input, tools };
      const answered = await client.responses.create({ ...said, previous_response_id: asked.id });
      expect(answered.output_text).toBe('sun in Oslo and sun in Rome');
      expect(answered.previous_response_id).toBe(asked.id);

      // Without the store, what the model said is sent back.
      const history = [
        { role: 'user' as const, content: 'How is the weather?' },
        ...(asked.output as OpenAI.Responses.ResponseInputItem[]),
        ...input,
      ];
      const whole = await client.responses.create({ ...said, input: history, store: false });
      expect(whole.output_text).toBe('sun in Oslo and sun in Rome');
    },
  },
  {
    name: 'retrieves a response, and is told that it is gone when it was deleted',
    async run({ client, OpenAI }) {
      const created = await client.responses.create(ask('Say hello.'));
      const { output, output_text, usage } = await client.responses.retrieve(created.id);
      expect({ output, output_text, usage }).toEqual({
        output: created.output,
        output_text: 'Hello wörld 🦙',
        usage: created.usage,
      });
      await client.responses.delete(created.id);
      const gone = await rejection(client.responses.retrieve(created.id));
      expect(gone).toBeInstanceOf(OpenAI.NotFoundError);
      const { id } = await client.responses.create({ ...ask('Say hello.'), store: false });
      expect(await rejection(client.responses.retrieve(id))).toBeInstanceOf(OpenAI.NotFoundError);
    },
  },
  {
    name: 'reads the input of a response page by page, and through all pages at once',
    async run({ client }) {
      const texts = ['one', 'two', 'three', 'four', 'five'];
      const input = texts.map((content) => ({ role: 'user' as const, content }));
      const { id } = await client.responses.create({ model: scriptedModel, input });
      const textOf = (item: OpenAI.Responses.ResponseItem) =>
        item.type === 'message' && item.content[0]?.type === 'input_text' ? item.content[0].text : item.type;

      const first = await client.responses.inputItems.list(id, { limit: 2, order: 'asc' });
      expect(first.data.map(textOf)).toEqual(['one', 'two']);
      expect(first.hasNextPage()).toBe(true);
      const second = await first.getNextPage();
      expect(second.data.map(textOf)).toEqual(['three', 'four']);
      expect((await second.getNextPage()).hasNextPage()).toBe(false);

      const all = await collect(client.responses.inputItems.list(id, { limit: 2, order: 'asc' }));
      expect(all.map(textOf)).toEqual(texts);
      const newestFirst = await collect(client.responses.inputItems.list(id, { limit: 3 }));
      expect(newestFirst.map(textOf)).toEqual(texts.toReversed());
    },
  },
  {
    name: 'counts the tokens of an input as the response will',
    async run({ client }) {
      const { input_tokens } = await client.responses.inputTokens.count({ model: 'tiny', input: 'Hello' });
      const { usage } = await client.responses.create(tinyResponse);
      expect(usage?.input_tokens).toBe(input_tokens);
    },
  },
  {
    name: 'gets a failed response out of a stream that fails on the way',
    async run({ client }) {
      const stream = client.responses.stream(ask('Fail on the way.'));
      const final = await stream.finalResponse();
      expect(final).toMatchObject({
        status: 'failed',
        output_text: 'Hello',
        error: { code: 'server_error', message: expect.stringMatching(/\w/) as string },
      });
    },
  },
  {
    name: 'frees the slot when it leaves the stream of a response',
    async run({ client, cluster }) {
      const stream = await client.responses.create({ ...ask('Talk for ever.'), stream: true });
      for await (const event of stream) if (event.type === 'response.output_text.delta') break;
      await eventually(() => expect(cluster.live.scripted.slotsBusy()).toBe(0));
    },
  },
];
