import { toRate, type Measurement } from '../measurement.js';
import type { Prompts } from '../prompts.js';

/** A prompt that nobody has seen before, alone, up to its first token. */
export function createPrefillMeasurement(prompts: Prompts, tokens: number): Measurement {
  const title = `prefill, ${tokens} tokens`;
  return {
    title,
    run: async (contender, round) => {
      const prompt = prompts.toTokens(`prefill/${tokens}/${round}`, tokens);
      const { sentAt, tokenTimes } = await contender.complete({ prompt, tokens: 1 });
      return [toRate(title, tokens, (tokenTimes[0] ?? NaN) - sentAt)];
    },
  };
}
