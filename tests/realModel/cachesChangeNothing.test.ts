import { afterAll, beforeAll, expect, it } from 'vitest';
import { anonymousPrincipal } from '../../src/protocol/generateRequest.js';
import type { TextGenerateRequest } from '../../src/protocol/generateRequest.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { generate, toTextRequest, type Generated } from '../support/generate.js';
import { describeWithModel, startRealEngine, type RealEngine } from '../support/realEngine.js';
import { toScheduler } from '../support/tinyScheduler.js';

const words = (count: number, seed: number) =>
  Array.from({ length: count }, (_, index) => 300 + ((index * 7919 + seed * 104_729) % 40_000));
const timeoutMs = 300_000;
const toNumbers = ({ outputs }: Generated) => outputs.flatMap(({ logprobs }) => logprobs ?? []);

describeWithModel.each([1, 2])('on %d threads', (threads) => {
  let real: RealEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    real = await startRealEngine({ slots: 4, contextTokens: 1024, threads });
    scheduler = toScheduler(real.engine);
  }, timeoutMs);
  afterAll(() => real?.close());

  const ask = (cacheNamespace: string, prompt: number[], changes: Partial<TextGenerateRequest> = {}) =>
    generate(
      scheduler,
      toTextRequest(prompt, {
        principal: { ...anonymousPrincipal, cacheNamespace },
        ...{ maxTokens: 12, ignoreEos: true, topLogprobs: 3 },
        ...changes,
      }),
    );

  it(
    'a prompt is computed to the last bit as alone behind longer and shorter ones with the same beginning',
    async () => {
      const all = words(300, 1);
      const parts = [all.slice(0, 40), all, [...all.slice(0, 30), ...words(40, 2)], all.slice(0, 130)];
      const cold = [];
      for (const [index, prompt] of parts.entries()) cold.push(toNumbers(await ask(`cold ${index}`, prompt)));
      for (const order of [
        [1, 0, 2, 3],
        [0, 1, 2, 3, 1],
        [2, 3, 1, 0],
      ]) {
        for (const index of order)
          expect(toNumbers(await ask(`warm ${order.join()}`, parts[index] ?? []))).toEqual(cold[index]);
      }
    },
    timeoutMs,
  );

  // On several threads llama.cpp computes a long sequence that is alone in another way (docs/engine.md).
  it.runIf(threads === 1)(
    'a long sequence is computed to the last bit as alone beside others, and where it is resumed',
    async () => {
      const prompt = words(500, 3);
      const alone = await ask('alone', prompt, { maxTokens: 24 });
      const others = [20, 90].map((count) => ask('others', words(count, count), { maxTokens: 60 }));
      const beside = await ask('beside', prompt, { maxTokens: 24 });
      await Promise.all(others);
      expect(toNumbers(beside)).toEqual(toNumbers(alone));
      const resumed = await ask('resumed', prompt, {
        maxTokens: 24,
        resumeTokens: alone.tokens.slice(0, 11),
      });
      expect(toNumbers(resumed)).toEqual(toNumbers(alone).slice(11));
    },
    timeoutMs,
  );

  it(
    'a conversation goes on elsewhere as it would have here, where its earlier answer was generated',
    async () => {
      const question = words(70, 4);
      const answer = await ask('here', question, { maxTokens: 70 });
      const next = [...question, ...answer.tokens, ...words(60, 5)];
      const here = await ask('here', next, { maxTokens: 24 });
      const splitBlocks = here.outputs[0]?.splitBlocks;
      expect(here.done?.usage.cachedTokens).toBe(128);
      expect(splitBlocks).toEqual([1]);
      const resumeTokens = here.tokens.slice(0, 9);
      const there = await ask('there', next, {
        maxTokens: 24,
        resumeTokens,
        ...(splitBlocks && { splitBlocks }),
      });
      expect(toNumbers(there)).toEqual(toNumbers(here).slice(9));
    },
    timeoutMs,
  );
});
