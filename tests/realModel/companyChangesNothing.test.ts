import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { generate, greedy, toRequest } from '../support/generate.js';
import { describeWithModel, startRealEngine, type RealEngine } from '../support/realEngine.js';
import { toScheduler } from '../support/tinyScheduler.js';

const questions = [
  'What is the capital of France?',
  'Write a haiku about rain.',
  'Count from one to twenty.',
  'Why is the sky blue?',
  'Name three fruits and their colours.',
  'What does a blacksmith do?',
  'Translate "good morning" to Spanish.',
  'Tell me a short story about a fox.',
];

describeWithModel('a request beside seven others', () => {
  let real: RealEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    real = await startRealEngine({ slots: 8, contextTokens: 512 });
    scheduler = toScheduler(real.engine);
  });
  afterAll(() => real?.close());

  it.each([
    ['greedy', greedy],
    ['sampled with a seed', { ...greedy, temperature: 0.9, topP: 0.9, seed: 5 }],
  ])(
    'gets the tokens that it gets alone: %s',
    async (_name, sampling) => {
      const ask = (question: string) => generate(scheduler, toRequest(question, { sampling, maxTokens: 60 }));
      const alone = [];
      for (const question of questions) alone.push((await ask(question)).tokens);
      const together = await Promise.all(questions.map(ask));
      expect(together.map(({ tokens }) => tokens)).toEqual(alone);
    },
    120_000,
  );
});
