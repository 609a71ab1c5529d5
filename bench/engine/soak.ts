import { setTimeout as delay } from 'node:timers/promises';
import { statusOfFailure } from '../../src/protocol/generation.js';
import type { RunningContender } from './contender.js';
import { createRandom, type Prompts } from './prompts.js';
import { mean, slope } from '../support/statistics.js';
import { UnexpectedStatusError } from './streamCompletion.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly streams: number;
  readonly contextTokens: number;
}

interface Sample {
  readonly minutes: number;
  readonly megabytes: number;
}

const sampleMs = 10_000;
/** Buffers are allocated, slots filled and code compiled in this part of the time; it is not looked at. */
const warmUpShare = 0.3;
/** Growth over the time that is looked at, as a share of the whole, that nobody would call a leak. */
const flatShare = 0.01;
const retryMs = 50;
const sharedPrefixes = 4;
const abortShare = 0.1;
const longestPromptTokens = 512;
const longestAnswerTokens = 64;
const longestPatienceMs = 10_000;

/**
 * Full load for so many minutes: prompts of all lengths, half of them with a prefix that others have too, answers of
 * all lengths, one in ten hung up on. Prints the resident memory every ten seconds and, at the end, how it grew.
 */
export async function runSoak(
  contender: RunningContender,
  prompts: Prompts,
  options: SoakOptions,
): Promise<void> {
  const { minutes, streams, contextTokens } = options;
  const startedAt = performance.now();
  const minutesSoFar = () => (performance.now() - startedAt) / 60_000;
  /** Answered whole. */
  let requests = 0;
  let isLoading = true;

  async function load(stream: number): Promise<void> {
    const random = createRandom(`soak/${stream}`);
    const pick = (most: number) => 1 + Math.floor(random() * most);
    for (let index = 0; isLoading; index++) {
      const longest = Math.min(longestPromptTokens, contextTokens - longestAnswerTokens);
      const prefixName = `soak/prefix/${pick(sharedPrefixes)}`;
      const prefix = random() < 0.5 ? prompts.toTokens(prefixName, Math.floor(longest / 2)) : [];
      const own = prompts.toTokens(`soak/${stream}/${index}`, pick(longest - prefix.length));
      const abort = random() < abortShare ? AbortSignal.timeout(pick(longestPatienceMs)) : undefined;
      const request = { prompt: [...prefix, ...own], tokens: pick(longestAnswerTokens) };
      try {
        await contender.complete(abort ? { ...request, signal: abort } : request);
        requests++;
      } catch (error) {
        if (isRefused(error)) await delay(retryMs);
        else if (!abort?.aborted) throw error;
      }
    }
  }

  const samples: Sample[] = [];
  const running = Promise.all(Array.from({ length: streams }, (_, stream) => load(stream)));
  // A failure ends the load; it is reported when the load is awaited.
  running.catch(() => (isLoading = false));
  while (isLoading && minutesSoFar() < minutes) {
    await delay(Math.min(sampleMs, Math.max(0, minutes - minutesSoFar()) * 60_000));
    const { residentBytes, anonymousBytes } = contender.readMemory();
    const sample = { minutes: minutesSoFar(), megabytes: residentBytes / 1e6 };
    samples.push(sample);
    console.log(
      `${sample.minutes.toFixed(1)} min: ${sample.megabytes.toFixed(1)} MB resident, ` +
        `${(anonymousBytes / 1e6).toFixed(1)} MB of it not of files, ${requests} requests`,
    );
  }
  isLoading = false;
  await running;
  console.log(`\n${describeGrowth(samples, requests)}`);
}

/** A stream that was hung up on keeps its slot up to the end of the step. */
function isRefused(error: unknown): boolean {
  return error instanceof UnexpectedStatusError && error.status === statusOfFailure.no_free_slot;
}

function describeGrowth(samples: readonly Sample[], requests: number): string {
  const observed = samples.slice(Math.floor(samples.length * warmUpShare));
  const [first, last] = [observed[0], observed.at(-1)];
  if (!first || !last || first === last) return 'too short to tell whether memory is flat';
  const perMinute = slope(observed.map(({ minutes, megabytes }) => ({ x: minutes, y: megabytes })));
  const growth = perMinute * (last.minutes - first.minutes);
  const share = growth / mean(observed.map(({ megabytes }) => megabytes));
  return (
    `${requests} requests; from minute ${first.minutes.toFixed(1)} to ${last.minutes.toFixed(1)} memory changed by ` +
    `${perMinute.toFixed(2)} MB a minute, ${growth.toFixed(1)} MB or ${(share * 100).toFixed(2)} % in all: ` +
    (share < flatShare ? 'flat' : 'NOT FLAT')
  );
}
