import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { createAjvJudge } from '../support/ajvJudge.js';
import { generate, greedy, toRequest } from '../support/generate.js';
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
      const answers = await Promise.all(Array.from({ length: samples }, (_, seed) => draw(ask(seed))));
      for (const { text, done } of answers) {
        // An answer that met the token limit is cut off; whatever came before has to be the beginning of a valid one.
        if (done?.finishReason === 'length') continue;
        expect(validate(JSON.parse(text)), `${text}\n${JSON.stringify(validate.errors)}`).toBe(true);
      }
      // A model of this size now and then never ends a text; of several answers one does.
      if (samples > 1) expect(answers.some(({ done }) => done?.finishReason === 'stop')).toBe(true);
    },
    600_000,
  );

  /** Waits for a free slot, as the controller's queue does. */
  async function draw(request: ReturnType<typeof toRequest>) {
    for (;;) {
      if (scheduler.report().slotsBusy < real.engine.slotCount) return generate(scheduler, request);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});
