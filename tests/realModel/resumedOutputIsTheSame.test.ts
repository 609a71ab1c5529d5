import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OutputDelta } from '../../src/protocol/generation.js';
import type { ChatGenerateRequest } from '../../src/protocol/generateRequest.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { generate, greedy, toRequest, type Generated } from '../support/generate.js';
import { describeWithModel, samples, startRealEngine, type RealEngine } from '../support/realEngine.js';
import { toScheduler } from '../support/tinyScheduler.js';

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 30 },
    tags: { type: 'array', items: { type: 'string', maxLength: 12 }, minItems: 2, maxItems: 4 },
    size: { type: 'number', minimum: 0, maximum: 500 },
  },
  required: ['name', 'tags', 'size'],
  additionalProperties: false,
};

const requests: Record<string, ChatGenerateRequest> = {
  'a text': toRequest('Tell me about the sea in four sentences.', { maxTokens: 90 }),
  'a sampled text': toRequest('Tell me about the sea in four sentences.', {
    maxTokens: 90,
    sampling: { ...greedy, temperature: 0.9, frequencyPenalty: 0.3, seed: 77 },
  }),
  'a tool call': toRequest('Note that the boat is blue and long.', {
    maxTokens: 160,
    tools: [{ name: 'note', description: 'Notes a thing', parameters: schema, strict: true }],
    toolChoice: 'required',
    parallelToolCalls: false,
  }),
  'a JSON schema': toRequest('Describe a boat.', {
    maxTokens: 160,
    constraint: { type: 'json_schema', schema, strict: true },
  }),
};

/** Cuts of each output; 34 of each are about a hundred with a plain text, a tool call and a schema. */
const cuts = samples === 1 ? 6 : 34;

describeWithModel('an output that is resumed after any of its tokens', () => {
  let real: RealEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    real = await startRealEngine({ slots: 4, contextTokens: 1024 });
    scheduler = toScheduler(real.engine);
  });
  afterAll(() => real?.close());

  it.each(Object.entries(requests))(
    'is the uninterrupted one: %s',
    async (_name, request) => {
      const whole = await generate(scheduler, request);
      expect(whole.done).toBeDefined();
      for (let index = 0; index < cuts; index++) {
        const cut = Math.floor(((index + 0.5) * whole.tokens.length) / cuts);
        const resumed = await generate(scheduler, { ...request, resumeTokens: whole.tokens.slice(0, cut) });
        expect([...whole.tokens.slice(0, cut), ...resumed.tokens], `cut after ${cut}`).toEqual(whole.tokens);
        const before = whole.outputs.slice(0, cut).flatMap(({ deltas }) => deltas);
        expect(join([...before, ...deltasOf(resumed)])).toEqual(join(deltasOf(whole)));
        expect(resumed.done?.finishReason).toBe(whole.done?.finishReason);
        expect(resumed.done?.usage.completionTokens).toBe(whole.tokens.length);
      }
    },
    300_000,
  );
});

function deltasOf({ outputs, done }: Generated): OutputDelta[] {
  return [...outputs.flatMap(({ deltas }) => deltas), ...(done?.deltas ?? [])];
}

function join(deltas: readonly OutputDelta[]) {
  const names = deltas.flatMap((delta) => (delta.type === 'toolCall' && delta.name ? [delta.name] : []));
  const of = (type: OutputDelta['type']) =>
    deltas.map((delta) => (delta.type === type ? delta.delta : '')).join('');
  return { names, text: of('text'), reasoning: of('reasoning'), arguments: of('toolCall') };
}
