import {
  AutomatonTooLargeError,
  exploreAutomaton,
  maxAutomatonStates,
  type Automaton,
  type AutomatonState,
} from './automaton.js';
import type { TimeBudget } from './timeBudget.js';

/** Characters of one edge. */
interface EdgeRange {
  readonly from: number;
  readonly until: number;
  readonly to: number;
}

/** Two automata that read the same text: a pair of states is one number, and the second may have stopped. */
interface Pairs {
  readonly start: number;
  accepting(pair: number): { first: boolean; second: boolean };
  /** Where the characters of the first lead; those that the second does not read only where it may stop. */
  edges(pair: number): { chars: [number, number][]; to: number }[];
}

/** Texts that both accept. */
export function intersectAutomata(a: Automaton, b: Automaton, budget: TimeBudget): Automaton {
  const pairs = pairsOf(a, b, false, budget);
  return exploreAutomaton(
    pairs.start,
    Number,
    (pair) => {
      const { first, second } = pairs.accepting(pair);
      return { accepting: first && second, edges: pairs.edges(pair) };
    },
    budget,
  );
}

/** Texts that `a` accepts and `b` does not. */
export function subtractAutomaton(a: Automaton, b: Automaton, budget: TimeBudget): Automaton {
  const pairs = pairsOf(a, b, true, budget);
  return exploreAutomaton(
    pairs.start,
    Number,
    (pair) => {
      const { first, second } = pairs.accepting(pair);
      return { accepting: first && !second, edges: pairs.edges(pair) };
    },
    budget,
  );
}

/** Whether both accept some text. Throws {@link AutomatonTooLargeError} where that takes too long to tell. */
export function haveCommonText(a: Automaton, b: Automaton, budget: TimeBudget): boolean {
  const pairs = pairsOf(a, b, false, budget);
  const found = new Set([pairs.start]);
  for (const pair of found) {
    const { first, second } = pairs.accepting(pair);
    if (first && second) return true;
    if (found.size > maxAutomatonStates) {
      throw new AutomatonTooLargeError(`more than ${maxAutomatonStates} states`);
    }
    for (const { to } of pairs.edges(pair)) found.add(to);
  }
  return false;
}

function pairsOf(a: Automaton, b: Automaton, mayStop: boolean, budget: TimeBudget): Pairs {
  const width = b.length + 1;
  const [firstRanges, secondRanges] = [sortedRanges(a), sortedRanges(b)];

  return {
    start: 1,
    accepting: (pair) => ({
      first: a[Math.floor(pair / width)]!.accepting,
      second: b[(pair % width) - 1]?.accepting === true,
    }),
    edges(pair) {
      const first = firstRanges(Math.floor(pair / width));
      const second = pair % width === 0 ? [] : secondRanges((pair % width) - 1);
      budget.spend((first.length + second.length) / 3);
      const found = new Map<number, [number, number][]>();
      const add = (from: number, until: number, to: number): void => {
        const chars = found.get(to);
        const last = chars?.at(-1);
        if (chars === undefined) found.set(to, [[from, until]]);
        else if (last?.[1] === from - 1) last[1] = until;
        else chars.push([from, until]);
      };

      let next = 0;
      for (const { from, until, to } of first) {
        let at = from;
        while (at <= until) {
          const other = second[next];
          if (other !== undefined && other.until < at) {
            next++;
            continue;
          }
          const shared = other === undefined ? Infinity : Math.max(at, other.from);
          if (mayStop && shared > at) add(at, Math.min(until, shared - 1), to * width);
          if (other === undefined || shared > until) break;
          add(shared, Math.min(until, other.until), to * width + other.to + 1);
          at = other.until + 1;
        }
      }
      return Array.from(found, ([to, chars]) => ({ chars, to }));
    },
  };
}

/** The ranges of each state in order, read off when they are first asked for. */
function sortedRanges(automaton: Automaton): (index: number) => readonly EdgeRange[] {
  const known = new Map<number, readonly EdgeRange[]>();
  return (index) => {
    let ranges = known.get(index);
    if (ranges === undefined) {
      ranges = rangesOf(automaton[index]!);
      known.set(index, ranges);
    }
    return ranges;
  };
}

function rangesOf({ edges }: AutomatonState): readonly EdgeRange[] {
  const ranges = edges.flatMap(({ chars, to }) => chars.map(([from, until]) => ({ from, until, to })));
  return ranges.sort((x, y) => x.from - y.from);
}
