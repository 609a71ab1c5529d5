import type { Completion } from '../contender.js';
import { toRate, toWait, type Measurement } from '../measurement.js';
import type { Prompts } from '../prompts.js';
import { quantile } from '../../support/statistics.js';

const promptTokens = 32;

/** The name of the figure that the ratios which the issue asks for are taken from. */
export function decodeMetric(streams: number): string {
  return `decode, ${streams} ${streams === 1 ? 'stream' : 'streams'}`;
}

/** So many short prompts at once, all different, each continued by so many tokens. */
export function createDecodeMeasurement(prompts: Prompts, streams: number, tokens: number): Measurement {
  return {
    title: decodeMetric(streams),
    run: async (contender, round) => {
      const names = Array.from({ length: streams }, (_, stream) => `decode/${streams}/${round}/${stream}`);
      const inputs = names.map((name) => prompts.toTokens(name, promptTokens));
      const completions = await Promise.all(inputs.map((prompt) => contender.complete({ prompt, tokens })));
      const sentAt = Math.min(...completions.map((completion) => completion.sentAt));
      const endedAt = Math.max(...completions.map(({ tokenTimes }) => tokenTimes.at(-1) ?? NaN));
      const waits = completions.map((completion) => (completion.tokenTimes[0] ?? NaN) - completion.sentAt);
      const together = countTogether(completions);
      return [
        toRate(decodeMetric(streams), together.tokens, together.milliseconds),
        toRate(`${decodeMetric(streams)}, prompts included`, streams * tokens, endedAt - sentAt),
        toWait(`first token, ${streams} at once, median`, quantile(waits, 0.5)),
        toWait(`first token, ${streams} at once, last`, Math.max(...waits)),
      ];
    },
  };
}

/** What arrived while all streams were decoding: behind everybody's first token, up to the first one's last. */
function countTogether(completions: readonly Completion[]): { tokens: number; milliseconds: number } {
  const from = Math.max(...completions.map(({ tokenTimes }) => tokenTimes[0] ?? NaN));
  const to = Math.min(...completions.map(({ tokenTimes }) => tokenTimes.at(-1) ?? NaN));
  const tokens = completions.flatMap(({ tokenTimes }) => tokenTimes.filter((at) => at > from && at <= to));
  return { tokens: tokens.length, milliseconds: to - from };
}
