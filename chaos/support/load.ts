import { setTimeout as delay } from 'node:timers/promises';
import type { AskOptions, Ledger } from './ledger.js';

export interface SteadyLoad {
  readonly streams: number;
  readonly tokens: number;
  readonly paceMs: number;
  readonly prefillMs?: number;
}

/** As many streams at once as asked, each followed by a new one, until told to stop. */
export function keepLoad(
  ledger: Ledger,
  { streams, ...answer }: SteadyLoad,
  options?: AskOptions,
): { stop(): Promise<void> } {
  let isRunning = true;
  const running = Array.from({ length: streams }, async (_, index) => {
    // They do not start in the same moment.
    await delay((index * answer.tokens * answer.paceMs) / streams);
    while (isRunning) await ledger.ask(answer, options);
  });
  return {
    stop: async () => {
      isRunning = false;
      await Promise.all(running);
    },
  };
}

/** A number from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
