import { anyChar, codePoint, hasChar, type CharSet } from './charSet.js';
import { tidyAutomaton } from './tidyAutomaton.js';
import type { TimeBudget } from './timeBudget.js';

export interface AutomatonEdge {
  readonly chars: CharSet;
  readonly to: number;
}

export interface AutomatonState {
  readonly accepting: boolean;
  /** No character is on two edges. */
  readonly edges: readonly AutomatonEdge[];
}

/** A deterministic automaton over code points; the first state is the start. */
export type Automaton = readonly AutomatonState[];

/** A state as {@link exploreAutomaton} sees it: its successors are values of the explorer's own type. */
export interface StateView<S> {
  readonly accepting: boolean;
  readonly edges: readonly { readonly chars: CharSet; readonly to: S }[];
}

/** The automaton would have more states than a grammar should. */
export class AutomatonTooLargeError extends Error {
  override readonly name = 'AutomatonTooLargeError';
}

/** States of one text that a grammar may have; 4,000 of them as rules still cost llama.cpp only a few milliseconds. */
export const maxAutomatonStates = 4_000;

/**
 * Builds an automaton from a start and a function that shows each state, minimal and without dead ends. Throws
 * {@link AutomatonTooLargeError} beyond `maxStates`.
 */
export function exploreAutomaton<S>(
  start: S,
  keyOf: (state: S) => string | number,
  view: (state: S) => StateView<S>,
  budget: TimeBudget,
  maxStates = maxAutomatonStates,
): Automaton {
  const found = [start];
  const indexes = new Map<string | number, number>([[keyOf(start), 0]]);
  const states: AutomatonState[] = [];
  for (let index = 0; index < found.length; index++) {
    const { accepting, edges } = view(found[index]!);
    budget.spend((1 + edges.length) / 2);
    states.push({
      accepting,
      edges: edges.map(({ chars, to }) => {
        const key = keyOf(to);
        let target = indexes.get(key);
        if (target === undefined) {
          target = found.push(to) - 1;
          if (target >= maxStates) throw new AutomatonTooLargeError(`more than ${maxStates} states`);
          indexes.set(key, target);
        }
        return { chars, to: target };
      }),
    });
  }
  return tidyAutomaton(states, budget);
}

/** No text at all is accepted. */
export function isEmptyAutomaton(automaton: Automaton): boolean {
  const [start] = automaton;
  return start === undefined || (!start.accepting && start.edges.length === 0);
}

/** Any text. */
export const anyText: Automaton = [{ accepting: true, edges: [{ chars: anyChar, to: 0 }] }];

/** Texts of so many code points. Throws {@link AutomatonTooLargeError} beyond some thousands. */
export function textOfLength(min: number, max = Infinity): Automaton {
  const last = max === Infinity ? min : max;
  if (last >= maxAutomatonStates) throw new AutomatonTooLargeError(`more than ${maxAutomatonStates} states`);
  return Array.from({ length: last + 1 }, (_, length) => ({
    accepting: length >= min,
    edges: length < max ? [{ chars: anyChar, to: Math.min(length + 1, last) }] : [],
  }));
}

/** Whether the automaton accepts this text. */
export function acceptsText(automaton: Automaton, text: string): boolean {
  let at: number | undefined = 0;
  for (const char of text) {
    at = automaton[at]?.edges.find(({ chars }) => hasChar(chars, codePoint(char)))?.to;
    if (at === undefined) return false;
  }
  return automaton[at]?.accepting === true;
}
