import { GrammarTooLargeError } from './grammarLimits.js';

/** The time that one grammar may take. Nothing can interrupt a synchronous loop: each has to ask. */
export interface TimeBudget {
  /** Counts steps, each about a microsecond or less; throws {@link GrammarTooLargeError} once the time is up. */
  spend(steps: number): void;
  /** Work that is done once for all grammars: its time is not counted. */
  exclude<T>(work: () => T): T;
}

/** Reading the clock for each step would cost more than most steps do. */
const stepsPerLook = 500;
/**
 * Steps that are allowed however long they take: a fifth of what an idle machine does in the time. Without them a busy
 * machine, which a worker's always is, would refuse the smallest schema for having been kept waiting.
 */
const sureStepsPerMs = 200;

/** A budget that begins now; `now` is in milliseconds. */
export function createTimeBudget(milliseconds: number, now: () => number): TimeBudget {
  let end = now() + milliseconds;
  let spent = 0;
  let nextLook = Math.max(stepsPerLook, milliseconds * sureStepsPerMs);
  return {
    spend(steps) {
      spent += steps;
      if (spent < nextLook) return;
      if (now() > end) {
        throw new GrammarTooLargeError(
          `The schema takes longer than ${milliseconds} ms to compile into a grammar; simplify its patterns, ` +
            'its alternatives or its longest lists',
        );
      }
      nextLook = spent + stepsPerLook;
    },
    exclude(work) {
      const start = now();
      const result = work();
      end += now() - start;
      return result;
    },
  };
}

/** For what does not depend on a schema. */
export const unlimitedTime: TimeBudget = { spend: () => undefined, exclude: (work) => work() };
