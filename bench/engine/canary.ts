import type { RunningContender } from './contender.js';
import type { Prompts } from './prompts.js';

/** Blocks and a rest, so that every way in which a prompt is evaluated is among it. */
const promptTokens = 200;
const answerTokens = 48;

/** One greedy request again and again: its answer tells whether the worker still computes what it did at the start. */
export interface Canary {
  /** What is wrong with the answer, compared with the first one; undefined where nothing is. */
  check(): Promise<string | undefined>;
}

export function createCanary(contender: RunningContender, prompts: Prompts): Canary {
  const prompt = prompts.toTokens('soak/canary', promptTokens);
  let expected: string | undefined;
  return {
    async check() {
      const { tokenIds } = await contender.complete({ prompt, tokens: answerTokens });
      const answer = tokenIds.join(' ');
      expected ??= answer;
      return answer === expected ? undefined : `the canary answered ${answer} instead of ${expected}`;
    },
  };
}
