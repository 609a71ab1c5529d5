import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RunningContender } from '../../../bench/engine/contender.js';
import { describeGrowth, observeGrowth } from '../../../bench/engine/memoryGrowth.js';
import { runSoak } from '../../../bench/engine/soak.js';

const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const canaryToken = 9;
const prompts = {
  toTokens: (name: string, count: number) =>
    Array.from({ length: count }, () => (name === 'soak/canary' ? canaryToken : 1)),
  close: () => Promise.resolve(),
};

/** A worker whose answers to the canary are given; every other request is answered by any token. */
function createContender(answers: number[], fails = false): RunningContender {
  let requests = 0;
  return {
    name: 'worker',
    pid: 1,
    complete: async ({ prompt, tokens }) => {
      if (fails && ++requests > 20) throw new Error('socket hang up');
      await new Promise((resolve) => setImmediate(resolve));
      const isCanary = prompt.every((token) => token === canaryToken);
      const token = isCanary ? (answers.shift() ?? 0) : 1;
      return { sentAt: 0, tokenTimes: [], tokenIds: Array.from({ length: tokens }, () => token) };
    },
    readMemory: () => ({ residentBytes: 1e9, anonymousBytes: 5e8, peakBytes: 1e9 }),
    readHeapBytes: () => Promise.resolve(3e7),
    describe: () => '',
    pause: () => undefined,
    resume: () => undefined,
    close: () => Promise.resolve(),
  };
}

const options = { minutes: 0.002, streams: 3, contextTokens: 1024 };

it('that is good where nothing changed', async () => {
  expect(await runSoak(createContender([7, 7]), prompts, options)).toBe(true);
  expect(printed.join('\n')).toContain('30.0 MB of JavaScript');
  expect(printed.join('\n')).toContain('0 of 2 answers to the same request were not as the first');
});

it('that is bad where the same request got another answer', async () => {
  expect(await runSoak(createContender([7, 8]), prompts, options)).toBe(false);
  expect(printed.join('\n')).toContain('the canary answered 8 8');
  expect(printed.join('\n')).toContain('1 of 2 answers to the same request were not as the first');
});

it('or in the error of the request that failed', async () => {
  await expect(runSoak(createContender([], true), prompts, options)).rejects.toThrow('socket hang up');
});

it.each([
  ['flat', 1_000, 0.01],
  ['NOT FLAT', 1_000, 0.5],
])('of memory that is %s', (verdict, megabytes, perSample) => {
  const samples = Array.from({ length: 100 }, (_, index) => ({
    minutes: index / 6,
    // What comes before the buffers are there does not count.
    megabytes: index < 20 ? 500 : megabytes + index * perSample,
  }));
  const growth = observeGrowth(samples);
  expect(growth?.isFlat).toBe(verdict === 'flat');
  expect(describeGrowth(growth)).toMatch(new RegExp(`: ${verdict}$`));
});

it('of nothing where there are too few samples', () => {
  expect(observeGrowth([{ minutes: 1, megabytes: 1 }])).toBeUndefined();
});
