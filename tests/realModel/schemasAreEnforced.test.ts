import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChatGenerateRequest, Sampling } from '../../src/protocol/generateRequest.js';
import type { LlamaEngine } from '../../src/worker/engine/engine.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { createAjvJudge } from '../support/ajvJudge.js';
import { generate, greedy, toRequest, type Generated } from '../support/generate.js';
import { jsonSchemas } from '../support/jsonSchemas.js';
import { describeWithModel, samples, startRealEngine, type RealEngine } from '../support/realEngine.js';
import { toScheduler } from '../support/tinyScheduler.js';

describeWithModel('an answer that has to follow a schema', () => {
  let real: RealEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    real = await startRealEngine({ slots: 8, contextTokens: 2048 });
    scheduler = toScheduler(real.engine);
  });
  afterAll(() => real?.close());

  it.each(jsonSchemas.map((example) => [example.name, example] as const))(
    '%s',
    async (_name, { schema, expect: expected }) => {
      const ask = (seed: number) =>
        toRequest('Answer in JSON with an example that makes sense.', {
          model: 'smollm2',
          constraint: { type: 'json_schema', schema, strict: true },
          // Without a penalty so small a model writes the same word for ever.
          sampling: { ...greedy, temperature: 0.8, topP: 0.95, frequencyPenalty: 0.5, seed },
          maxTokens: samples === 1 ? 150 : 600,
        });
      if (expected !== 'enforced') {
        const submission = scheduler.submit(ask(0), new AbortController().signal);
        expect(submission).toMatchObject({ kind: 'refused', failure: { code: 'unsupported_schema' } });
        expect(submission.kind === 'refused' && submission.failure.message).toContain(expected.refused);
        return;
      }
      const validate = createAjvJudge(schema);
      const answers = await Promise.all(Array.from({ length: samples }, (_, seed) => drawWhole(ask(seed))));
      for (const text of answers)
        expect(validate(JSON.parse(text)), `${text}\n${JSON.stringify(validate.errors)}`).toBe(true);
    },
    600_000,
  );

  /**
   * The text of an answer. A model of this size now and then never ends a text: one that met the token limit is brought
   * to an end by biases, which shows that it was the beginning of a valid one.
   */
  async function drawWhole(request: ChatGenerateRequest): Promise<string> {
    const { text, tokens, deltas, done } = await draw(request);
    if (done?.finishReason === 'stop') return text;
    const end = await draw({
      ...request,
      resumeTokens: tokens,
      maxTokens: tokens.length + 400,
      sampling: { ...greedy, logitBias: closingBiases(real.engine) },
    });
    // What was held back when the limit was met comes again with the rest.
    const whole = deltas.join('') + end.text;
    expect([end.error?.message, end.done?.finishReason], whole).toEqual([undefined, 'stop']);
    return whole;
  }

  /** Waits for a free slot, as the controller's queue does. */
  async function draw(request: ChatGenerateRequest): Promise<Generated> {
    for (;;) {
      if (scheduler.report().slotsBusy < real.engine.slotCount) return generate(scheduler, request);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});

/** Makes a text end as soon as the grammar lets it: strings first (an address needs its @ and a dot), then lists and objects. */
function closingBiases(engine: LlamaEngine): Sampling['logitBias'] {
  const biasOf = { '"': 100, ']': 60, '}': 60, '@': 80, '.': 50, null: 40 };
  return Object.entries(biasOf).flatMap(([text, bias]) =>
    engine.tokenize(text, { special: false }).map((token) => ({ token, bias })),
  );
}
