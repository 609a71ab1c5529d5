import type { AutomatonState } from './automaton.js';
import { unionChars } from './charSet.js';
import { createCharSetNumbers } from './charSetNumbers.js';
import type { TimeBudget } from './timeBudget.js';

/** Says of the states of one automaton which of them do the same. */
export interface StateSignatures {
  /** Equal for states whose characters lead to states of the same classes. */
  signatureOf(index: number, classes: readonly number[]): string;
}

export function createStateSignatures(
  states: readonly AutomatonState[],
  budget: TimeBudget,
): StateSignatures {
  const { numberOf, sets } = createCharSetNumbers(budget);
  const unions = new Map<string, number>();

  function unionOf(numbers: readonly number[]): number {
    const key = numbers.join();
    let union = unions.get(key);
    if (union === undefined) {
      const parts = numbers.map((number) => sets[number]!);
      budget.spend(parts.reduce((sum, { length }) => sum + length, 0) / 5);
      union = numberOf(unionChars(parts));
      unions.set(key, union);
    }
    return union;
  }

  const edges = states.map((state) => state.edges.map(({ chars, to }) => ({ chars: numberOf(chars), to })));

  return {
    signatureOf(index, classes) {
      const own = edges[index]!;
      budget.spend((1 + own.length) / 3);
      const [only] = own;
      if (only !== undefined && own.length === 1) return `${classes[only.to]!}:${only.chars}`;
      const byClass = new Map<number, number[]>();
      for (const { chars, to } of own) {
        const known = byClass.get(classes[to]!);
        if (known === undefined) byClass.set(classes[to]!, [chars]);
        else known.push(chars);
      }
      return Array.from(
        byClass,
        ([to, numbers]) =>
          `${to}:${numbers.length === 1 ? numbers[0]! : unionOf(numbers.sort((a, b) => a - b))}`,
      )
        .sort()
        .join();
    },
  };
}
