import { afterAll, beforeAll, expect, it } from 'vitest';
import { anonymousPrincipal } from '../../src/protocol/generateRequest.js';
import type { LlamaEngine } from '../../src/worker/engine/engine.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { generate, greedy, toRequest, toTextRequest, type Generated } from '../support/generate.js';
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

const words = (count: number, seed: number) =>
  Array.from({ length: count }, (_, index) => 300 + ((index * 7919 + seed * 104_729) % 40_000));
const toNumbers = ({ outputs }: Generated) => outputs.flatMap(({ logprobs }) => logprobs ?? []);

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

  it('is computed to the last bit as alone, cold or warm, behind a part of another prompt or resumed', async () => {
    const prompt = words(200, 1);
    const ask = (namespace: string, resumeTokens: number[] = []) => {
      const principal = { ...anonymousPrincipal, cacheNamespace: namespace };
      const changes = { principal, maxTokens: 12, ignoreEos: true, topLogprobs: 5, resumeTokens };
      return generate(scheduler, toTextRequest(prompt, changes));
    };

    const alone = await ask('cold');
    const numbers = toNumbers(alone);
    expect(numbers).toHaveLength(12);
    expect(toNumbers(await ask('cold'))).toEqual(numbers);

    const others = [37, 64, 65, 130, 191].map((length, index) =>
      generate(scheduler, toTextRequest(words(length, index + 2), { maxTokens: 30, ignoreEos: true })),
    );
    expect(toNumbers(await ask('beside others'))).toEqual(numbers);
    await Promise.all(others);

    const principal = { ...anonymousPrincipal, cacheNamespace: 'diverging' };
    const part = [...prompt.slice(0, 100), ...words(60, 9)];
    await generate(scheduler, toTextRequest(part, { principal, maxTokens: 1, ignoreEos: true }));
    const warm = await ask('diverging');
    expect(warm.done?.usage.cachedTokens).toBe(64);
    expect(toNumbers(warm)).toEqual(numbers);

    const resumed = await ask('elsewhere', alone.tokens.slice(0, 7));
    expect(toNumbers(resumed)).toEqual(numbers.slice(7));
  }, 120_000);

  it('changes nothing for those that decode while its prompt arrives, nor they for it', async () => {
    /** Steps in which one decoded and another one put a part of its prompt in. */
    let mixedSteps = 0;
    const step: LlamaEngine['step'] = (entries) => {
      const lengths = entries.map(({ tokens }) => tokens.length);
      if (lengths.includes(1) && lengths.some((length) => length >= 32)) mixedSteps++;
      return real.engine.step(entries);
    };
    const budget = { besideDecodersTokens: 64, aloneTokens: 64 };
    const watched = toScheduler({ ...real.engine, step }, { budget });
    const ask = (count: number, seed: number, namespace: string) => {
      const principal = { ...anonymousPrincipal, cacheNamespace: namespace };
      const changes = { principal, maxTokens: count < 100 ? 24 : 8, ignoreEos: true, topLogprobs: 5 };
      return generate(watched, toTextRequest(words(count, seed), changes));
    };
    const shapes = [20, 33, 47, 400, 230].map((count, index) => [count, 20 + index] as const);

    const alone = [];
    for (const [count, seed] of shapes) alone.push(toNumbers(await ask(count, seed, 'alone')));
    expect(mixedSteps).toBe(0);
    const together = await Promise.all(shapes.map(([count, seed]) => ask(count, seed, 'together')));
    expect(mixedSteps).toBeGreaterThan(6);
    expect(together.map(toNumbers)).toEqual(alone);
  }, 300_000);
});
