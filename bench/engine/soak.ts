import { setTimeout as delay } from 'node:timers/promises';
import { statusOfFailure } from '../../src/protocol/generation.js';
import { createCanary } from './canary.js';
import { describeGrowth, observeGrowth, type MemorySample } from './memoryGrowth.js';
import type { RunningContender } from './contender.js';
import { createRandom, type Prompts } from './prompts.js';
import { UnexpectedStatusError } from './streamCompletion.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly streams: number;
  readonly contextTokens: number;
}

const sampleMs = 10_000;
const canaryMinutes = 2;
const retryMs = 50;
const sharedPrefixes = 4;
const abortShare = 0.1;
const longestPromptTokens = 512;
const longestAnswerTokens = 64;
const longestPatienceMs = 10_000;

/**
 * Full load for so many minutes: prompts of all lengths, half of them with a prefix that others have too, answers of
 * all lengths, one in ten hung up on, and every two minutes a request whose answer must stay the same. Prints memory
 * every ten seconds and, at the end, how it grew.
 *
 * @returns whether memory was flat and all answers of that request were the same
 * @throws where a request fails
 */
export async function runSoak(
  contender: RunningContender,
  prompts: Prompts,
  options: SoakOptions,
): Promise<boolean> {
  const { minutes, streams, contextTokens } = options;
  const startedAt = performance.now();
  const minutesSoFar = () => (performance.now() - startedAt) / 60_000;
  /** Answered whole. */
  let requests = 0;
  let isLoading = true;
  const canary = createCanary(contender, prompts);
  let canaryChecks = 0;
  let wrongAnswers = 0;

  async function checkCanary(): Promise<void> {
    const fault = await canary.check();
    canaryChecks++;
    if (fault === undefined) return;
    wrongAnswers++;
    console.log(`${minutesSoFar().toFixed(1)} min: ${fault}`);
  }

  async function sendNext(stream: number, index: number, random: () => number): Promise<void> {
    const pick = (most: number) => 1 + Math.floor(random() * most);
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
      if (isRefused(error) || !abort?.aborted) throw error;
    }
  }

  async function load(stream: number): Promise<void> {
    const random = createRandom(`soak/${stream}`);
    for (let index = 0; isLoading; index++) {
      const isCanaryDue = stream === 0 && minutesSoFar() >= canaryChecks * canaryMinutes;
      await retryRefused(() => (isCanaryDue ? checkCanary() : sendNext(stream, index, random)));
    }
  }

  await checkCanary();
  const samples: MemorySample[] = [];
  const running = Promise.all(Array.from({ length: streams }, (_, stream) => load(stream)));
  // A failure ends the load; it is reported when the load is awaited.
  running.catch(() => (isLoading = false));
  while (isLoading && minutesSoFar() < minutes) {
    await delay(Math.min(sampleMs, Math.max(0, minutes - minutesSoFar()) * 60_000));
    const { residentBytes, anonymousBytes } = contender.readMemory();
    const sample = { minutes: minutesSoFar(), megabytes: toMegabytes(residentBytes) };
    samples.push(sample);
    const heapBytes = await contender.readHeapBytes();
    console.log(
      `${sample.minutes.toFixed(1)} min: ${sample.megabytes.toFixed(1)} MB resident, ` +
        `${toMegabytes(anonymousBytes).toFixed(1)} MB of it not of files, ` +
        `${toMegabytes(heapBytes ?? NaN).toFixed(1)} MB of JavaScript, ${requests} requests`,
    );
  }
  isLoading = false;
  await running;
  await retryRefused(checkCanary);
  const growth = observeGrowth(samples);
  console.log(`\n${requests} requests; ${describeGrowth(growth)}`);
  console.log(`${wrongAnswers} of ${canaryChecks} answers to the same request were not as the first`);
  return growth?.isFlat !== false && wrongAnswers === 0;
}

function toMegabytes(bytes: number): number {
  return bytes / 1e6;
}

/** A stream that was hung up on keeps its slot up to the end of the step. */
async function retryRefused(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isRefused(error)) throw error;
      await delay(retryMs);
    }
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof UnexpectedStatusError && error.status === statusOfFailure.no_free_slot;
}
