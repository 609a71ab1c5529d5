import type { RunningContender } from '../contender.js';
import { toWait, type Measurement } from '../measurement.js';
import type { Prompts } from '../prompts.js';

const answerTokens = 4;

/** Names of the figures that the ratio which the issue asks for is taken from. */
export const prefixMetrics = { cold: 'first token, cold prefix', warm: 'first token, warm prefix' } as const;

/** A prompt for the first time, again, and again with another end: the last third of it is new. */
export function createPrefixMeasurement(prompts: Prompts, tokens: number): Measurement {
  return {
    title: `prefixes of ${tokens} tokens`,
    run: async (contender, round) => {
      const first = prompts.toTokens(`prefix/${round}`, tokens);
      const sharedTokens = Math.floor((tokens * 2) / 3);
      const other = prompts.toTokens(`prefix/${round}/other`, tokens - sharedTokens);
      const cold = await measureFirstToken(contender, first);
      const warm = await measureFirstToken(contender, first);
      const diverging = await measureFirstToken(contender, [...first.slice(0, sharedTokens), ...other]);
      return [
        toWait(prefixMetrics.cold, cold),
        toWait(prefixMetrics.warm, warm),
        toWait('first token, diverging prefix', diverging),
      ];
    },
  };
}

async function measureFirstToken(contender: RunningContender, prompt: readonly number[]): Promise<number> {
  const { sentAt, tokenTimes } = await contender.complete({ prompt, tokens: answerTokens });
  return (tokenTimes[0] ?? NaN) - sentAt;
}
