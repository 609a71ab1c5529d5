import { AutomatonTooLargeError, type Automaton, type AutomatonState } from './automaton.js';
import { charSet, codePoint } from './charSet.js';
import type { TimeBudget } from './timeBudget.js';

const maxCharacters = 150_000;

/** A state on the way of the text that was added last; what it is equal to is known once that way is left. */
interface OpenState {
  accepting: boolean;
  /** Code points and the finished states behind them. */
  readonly edges: (readonly [code: number, to: number])[];
}

/**
 * Exactly these texts, none of them ill-formed, as the minimal automaton. Throws {@link AutomatonTooLargeError} beyond
 * some ten thousand texts.
 *
 * Daciuk, Mihov, Watson and Watson: Incremental Construction of Minimal Acyclic Finite-State Automata (2000), for texts in
 * order: only the way of the last text can still change.
 */
export function oneOfTexts(texts: readonly string[], budget: TimeBudget): Automaton {
  if (texts.reduce((sum, { length }) => sum + length, 0) > maxCharacters) {
    throw new AutomatonTooLargeError(`more than ${maxCharacters} characters of listed texts`);
  }
  const finished: AutomatonState[] = [];
  const known = new Map<string, number>();
  const way: OpenState[] = [{ accepting: false, edges: [] }];
  let before: readonly string[] = [];

  function finish({ accepting, edges }: OpenState): number {
    budget.spend(1 + edges.length);
    const key = `${accepting} ${edges.join(' ')}`;
    const equal = known.get(key);
    if (equal !== undefined) return equal;
    const byTarget = new Map<number, [number, number][]>();
    for (const [code, to] of edges) {
      const codes = byTarget.get(to);
      if (codes === undefined) byTarget.set(to, [[code, code]]);
      else codes.push([code, code]);
    }
    const state = {
      accepting,
      edges: Array.from(byTarget, ([to, codes]) => ({ chars: charSet(codes), to })),
    };
    const index = finished.push(state) - 1;
    known.set(key, index);
    return index;
  }

  function leave(length: number): void {
    while (way.length > length + 1) {
      const to = finish(way.pop()!);
      way.at(-1)!.edges.push([codePoint(before[way.length - 1]!), to]);
    }
  }

  for (const text of [...new Set(texts)].sort()) {
    const chars = Array.from(text);
    budget.spend(1 + chars.length);
    let shared = 0;
    while (shared < before.length && before[shared] === chars[shared]) shared++;
    leave(shared);
    while (way.length <= chars.length) way.push({ accepting: false, edges: [] });
    way.at(-1)!.accepting = true;
    before = chars;
  }
  leave(0);
  finish(way[0]!);
  // The start is finished last, and comes first.
  const last = finished.length - 1;
  return finished
    .map(({ accepting, edges }) => ({
      accepting,
      edges: edges.map(({ chars, to }) => ({ chars, to: last - to })),
    }))
    .reverse();
}
