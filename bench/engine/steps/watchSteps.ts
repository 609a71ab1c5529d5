import type { LlamaEngine } from '../../../src/worker/engine/engine.js';

/** One call of the engine by the scheduler. */
export interface WatchedStep {
  /** Tokens that each sequence put into the batch. */
  readonly tokens: readonly number[];
  readonly beganAt: number;
  readonly endedAt: number;
}

/** The same engine, whose steps are noted. */
export function watchSteps(engine: LlamaEngine): {
  readonly engine: LlamaEngine;
  readonly steps: WatchedStep[];
} {
  const steps: WatchedStep[] = [];
  return {
    steps,
    engine: {
      ...engine,
      step: async (entries) => {
        const beganAt = performance.now();
        const results = await engine.step(entries);
        steps.push({
          tokens: entries.map(({ tokens }) => tokens.length),
          beganAt,
          endedAt: performance.now(),
        });
        return results;
      },
    },
  };
}

/** Whether so many sequences were decoding and nothing else was done. */
export function isDecoding({ tokens }: WatchedStep, sequences: number): boolean {
  return tokens.length === sequences && tokens.every((count) => count === 1);
}

/** How long a step took. */
export function durationOf({ beganAt, endedAt }: WatchedStep): number {
  return endedAt - beganAt;
}

/** Times between two steps of which both only decode so many sequences. */
export function readPauses(steps: readonly WatchedStep[], sequences: number): number[] {
  return steps.slice(1).flatMap((step, index) => {
    const before = steps[index];
    const isPair = before && isDecoding(before, sequences) && isDecoding(step, sequences);
    return isPair ? [step.beganAt - before.endedAt] : [];
  });
}
