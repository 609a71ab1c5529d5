import type { Completion, RunningContender } from '../contender.js';
import { toRatio, toWait, type Measurement } from '../measurement.js';
import type { Prompts } from '../prompts.js';
import { median, quantile } from '../../support/statistics.js';

const decoders = 4;
const promptTokens = 32;
/** Tokens that every decoder has before the long prompt is sent. */
const tokensBefore = 16;
const chunkGrain = 16;

/** A chunk takes longer the more of the prompt is in front of it; the longest waits are those for the last ones. */
export const waitOverLastChunkMetric = 'p99 wait ÷ (last chunk + one step)';
export const waitOverFirstChunkMetric = 'p99 wait ÷ (first chunk + one step)';

/**
 * Four streams decode, a long prompt arrives: how long they wait for their next token until it has its first. Then
 * the two parts alone, for the same contender: the decoders' step before it came, and a chunk, both as the first of a
 * prompt and as the last of the long one. A chunk has as many tokens as the prompt had for each token that the
 * decoders got meanwhile.
 */
export function createArrivalMeasurement(
  prompts: Prompts,
  tokens: number,
  decodedTokens: number,
): Measurement {
  return {
    title: `${decoders} decoders, ${tokens} tokens arrive`,
    run: async (contender, round) => {
      const name = `arrival/${round}`;
      const arrival = await runArrival(contender, prompts, { name, tokens, decodedTokens });
      if (arrival.endedEarly)
        console.log(`  ${contender.name}: a decoder ended before the prompt was done: see --arrival-tokens`);
      const chunkTokens = toChunkTokens(tokens, arrival.waits.length / decoders);
      const toFirstToken = async (prompt: readonly number[]) => {
        const alone = await contender.complete({ prompt: [...prompt], tokens: 1 });
        return (alone.tokenTimes[0] ?? NaN) - alone.sentAt;
      };
      const firstChunkMs = await toFirstToken(prompts.toTokens(`${name}/chunk`, chunkTokens));
      // Behind the rest of the long prompt, which is still cached where the contender caches anything.
      const behind = prompts.toTokens(`${name}/long`, tokens).slice(0, tokens - chunkTokens);
      const lastChunk = prompts.toTokens(`${name}/last-chunk`, chunkTokens);
      const lastChunkMs = await toFirstToken([...behind, ...lastChunk]);
      const waitMs = quantile(arrival.waits, 0.99);
      return [
        toWait('decoders wait while a prompt arrives, median', median(arrival.waits)),
        toWait('decoders wait while a prompt arrives, p99', waitMs),
        toWait('decoders wait while a prompt arrives, longest', Math.max(...arrival.waits)),
        toWait('first token of the arriving prompt', arrival.firstTokenMs),
        { metric: 'chunk that it was evaluated in', unit: 'tokens', better: 'neither', value: chunkTokens },
        toWait('one such chunk alone, the first of a prompt', firstChunkMs),
        toWait('one such chunk alone, the last of the prompt', lastChunkMs),
        toWait('one step of the decoders alone', arrival.stepMs),
        toRatio(waitOverFirstChunkMetric, waitMs / (firstChunkMs + arrival.stepMs)),
        toRatio(waitOverLastChunkMetric, waitMs / (lastChunkMs + arrival.stepMs)),
      ];
    },
  };
}

interface Arrival {
  /** The decoders' waits for a token while the long prompt was evaluated. */
  readonly waits: readonly number[];
  /** Their median wait before it came. */
  readonly stepMs: number;
  /** Of the long prompt. */
  readonly firstTokenMs: number;
  readonly endedEarly: boolean;
}

async function runArrival(
  contender: RunningContender,
  prompts: Prompts,
  { name, tokens, decodedTokens }: { name: string; tokens: number; decodedTokens: number },
): Promise<Arrival> {
  const long = prompts.toTokens(`${name}/long`, tokens);
  const decoding = Array.from({ length: decoders }, (_, index) => {
    const prompt = prompts.toTokens(`${name}/decoder/${index}`, promptTokens);
    let arrivals = 0;
    let completion: Promise<Completion> | undefined;
    const isDecoding = new Promise<void>((resolve, reject) => {
      const onData = () => ++arrivals >= tokensBefore && resolve();
      completion = contender.complete({ prompt, tokens: decodedTokens, onData });
      completion.catch(reject);
    });
    return { isDecoding, completion };
  });
  await Promise.all(decoding.map(({ isDecoding }) => isDecoding));
  const newcomer = await contender.complete({ prompt: long, tokens: 4 });
  const streams = await Promise.all(decoding.flatMap(({ completion }) => completion ?? []));
  const firstTokenAt = newcomer.tokenTimes[0] ?? NaN;
  // The first gap has the prompts of the others in it, the last one the beginning of the long prompt.
  const before = streams.flatMap((stream) => readGaps(stream, -Infinity, newcomer.sentAt).slice(1, -1));
  return {
    waits: streams.flatMap((stream) => readGaps(stream, newcomer.sentAt, firstTokenAt)),
    stepMs: median(before),
    firstTokenMs: firstTokenAt - newcomer.sentAt,
    endedEarly: streams.some(({ tokenTimes }) => (tokenTimes.at(-1) ?? NaN) < firstTokenAt),
  };
}

function toChunkTokens(tokens: number, steps: number): number {
  return Math.min(tokens, Math.max(1, Math.round(tokens / steps / chunkGrain)) * chunkGrain);
}

/** Times between two tokens of a stream, of those that lie with their middle between `from` and `to`. */
function readGaps({ tokenTimes }: Completion, from: number, to: number): number[] {
  return tokenTimes
    .slice(1)
    .map((at, index) => ({ before: tokenTimes[index] ?? NaN, at }))
    .filter(({ before, at }) => (before + at) / 2 > from && (before + at) / 2 < to)
    .map(({ before, at }) => at - before);
}
