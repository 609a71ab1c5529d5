import type { CharSet } from './charSet.js';
import type { TimeBudget } from './timeBudget.js';

/** Gives each set of characters a number once, so that sets of thousands of ranges are compared as numbers. */
export interface CharSetNumbers {
  /** Equal for equal sets. */
  numberOf(chars: CharSet): number;
  /** The sets by their numbers. */
  readonly sets: readonly CharSet[];
}

export function createCharSetNumbers(budget: TimeBudget): CharSetNumbers {
  const sets: CharSet[] = [];
  const bySet = new Map<CharSet, number>();
  const byRanges = new Map<string, number>();
  return {
    sets,
    numberOf(chars) {
      let number = bySet.get(chars);
      if (number !== undefined) return number;
      budget.spend((1 + chars.length) / 5);
      const key = chars.join(' ');
      number = byRanges.get(key);
      if (number === undefined) {
        number = sets.push(chars) - 1;
        byRanges.set(key, number);
      }
      bySet.set(chars, number);
      return number;
    },
  };
}
