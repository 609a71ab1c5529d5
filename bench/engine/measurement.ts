import type { RunningContender } from './contender.js';

/** One figure of one contender in one round. */
export interface Reading {
  /** Names the figure in the table and in the JSON. */
  readonly metric: string;
  readonly unit: string;
  /** Neither: it is a fact, not an achievement. */
  readonly better: 'more' | 'less' | 'neither';
  readonly value: number;
}

/** Something that is measured with each contender in turns. */
export interface Measurement {
  readonly title: string;
  /** The same round sends the same prompts to every contender, another round sends others. */
  run(contender: RunningContender, round: number): Promise<readonly Reading[]>;
}

/** Throughput: more is better. */
export function toRate(metric: string, tokens: number, milliseconds: number): Reading {
  const value = milliseconds > 0 ? tokens / (milliseconds / 1000) : NaN;
  return { metric, unit: 'tok/s', better: 'more', value };
}

/** A wait: less is better. */
export function toWait(metric: string, milliseconds: number): Reading {
  return { metric, unit: 'ms', better: 'less', value: milliseconds };
}

/** How many times as much as it might be: less is better. */
export function toRatio(metric: string, value: number): Reading {
  return { metric, unit: 'times', better: 'less', value };
}
