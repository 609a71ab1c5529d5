import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ToolDefinition } from '../../src/protocol/generateRequest.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { createAjvJudge } from '../support/ajvJudge.js';
import { generate, greedy, toRequest } from '../support/generate.js';
import { describeWithModel, startRealEngine, type RealEngine } from '../support/realEngine.js';
import { toScheduler } from '../support/tinyScheduler.js';

const tools: ToolDefinition[] = [
  {
    name: 'get_weather',
    description: 'The weather at a place',
    strict: true,
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', minLength: 1, maxLength: 40 },
        unit: { enum: ['celsius', 'fahrenheit'] },
      },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
  {
    name: 'add_event',
    description: 'Adds an event to the calendar',
    strict: true,
    parameters: {
      type: 'object',
      properties: {
        title: { type: 'string', maxLength: 40 },
        date: { type: 'string', format: 'date' },
        minutes: { type: 'integer', minimum: 5, maximum: 600 },
        guests: { type: 'array', items: { type: 'string', maxLength: 20 }, maxItems: 3 },
      },
      required: ['title', 'date', 'minutes', 'guests'],
      additionalProperties: false,
    },
  },
  {
    name: 'search',
    strict: false,
    parameters: {
      type: 'object',
      properties: { query: { type: 'string', maxLength: 60 }, filter: { not: { type: 'null' } } },
      required: ['query'],
      additionalProperties: false,
    },
  },
];

const questions = [
  'What is the weather in Paris?',
  'Is it raining in Tokyo? Answer in Celsius.',
  'Add lunch with Ann tomorrow.',
  'Find papers on batteries.',
  'How warm is Oslo?',
];

describeWithModel('a tool call', () => {
  let real: RealEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    real = await startRealEngine({ slots: 5, contextTokens: 2048 });
    scheduler = toScheduler(real.engine);
  });
  afterAll(() => real?.close());

  const judges = new Map(tools.map(({ name, parameters }) => [name, createAjvJudge(parameters ?? true)]));
  const ask = (question: string, seed: number) =>
    toRequest(question, {
      tools,
      toolChoice: 'required',
      sampling: { ...greedy, temperature: 0.7, seed },
      maxTokens: 400,
    });

  it('that is required is made, with arguments that follow the schema: 20 of 20', async () => {
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        questions.map((question, index) =>
          generate(scheduler, { ...ask(question, round * 10 + index), parallelToolCalls: round % 2 === 0 }),
        ),
      );
      for (const { toolCalls, text, done } of answers) {
        expect(toolCalls.length, text).toBeGreaterThan(0);
        if (round % 2 === 1) expect(toolCalls).toHaveLength(1);
        // Calls that the token limit cut off cannot be complete, all before them are.
        const complete = done?.finishReason === 'length' ? toolCalls.slice(0, -1) : toolCalls;
        if (round % 2 === 1) expect(done?.finishReason).toBe('tool_calls');
        for (const call of complete) {
          const judge = judges.get(call.name);
          expect(judge?.(JSON.parse(call.arguments)), JSON.stringify([call, judge?.errors])).toBe(true);
        }
      }
    }
  }, 300_000);

  it('that is named is of that tool alone', async () => {
    const request = { ...ask('Hello there.', 1), toolChoice: { name: 'add_event' } };
    const { toolCalls, text } = await generate(scheduler, request);
    expect(text).toBe('');
    expect(toolCalls.map(({ name }) => name)).toEqual(['add_event']);
    expect(judges.get('add_event')?.(JSON.parse(toolCalls[0]?.arguments ?? ''))).toBe(true);
  }, 60_000);

  it('is not made where there is to be none', async () => {
    const request = { ...ask('What is the weather in Paris?', 1), toolChoice: 'none' as const };
    expect((await generate(scheduler, request)).toolCalls).toEqual([]);
  }, 60_000);
});
