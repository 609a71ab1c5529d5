import { AutomatonTooLargeError, maxAutomatonStates, type Automaton } from './automaton.js';
import { GrammarTooLargeError } from './grammarLimits.js';
import type { TimeBudget } from './timeBudget.js';

/** Makes the automata of one schema, each once, and bounds the work for all of them. */
export interface AutomatonMemo {
  /** What `make` returned, or threw, when it was first called with this key. */
  make(key: string, make: (budget: TimeBudget) => Automaton): Automaton;
}

/** States of all automata of a schema together. One that gave up counts as the largest, so that ten of them are enough. */
const maxStates = 40_000;

/** Throws {@link GrammarTooLargeError} once a schema's automata have become too many. */
export function createAutomatonMemo(budget: TimeBudget): AutomatonMemo {
  const made = new Map<string, Automaton | AutomatonTooLargeError>();
  let states = 0;
  return {
    make(key, make) {
      let result = made.get(key);
      if (result === undefined) {
        try {
          result = make(budget);
          states += result.length;
        } catch (error) {
          if (!(error instanceof AutomatonTooLargeError)) throw error;
          result = error;
          states += maxAutomatonStates;
        }
        made.set(key, result);
        if (states > maxStates) {
          throw new GrammarTooLargeError('The schema is too complex: its patterns take too many rules');
        }
      }
      if (result instanceof AutomatonTooLargeError) throw result;
      return result;
    },
  };
}
