import { AutomatonTooLargeError, exploreAutomaton, type Automaton, type StateView } from './automaton.js';
import { createCharPieces } from './charPieces.js';
import { anyChar, subtractChars, type CharSet } from './charSet.js';
import { parseRegex, wordChars, type RegexAssertion, type RegexNode } from './regexSyntax.js';
import type { TimeBudget } from './timeBudget.js';

/** A state of the automaton as it is read off the expression: several edges may fit. */
interface LooseState {
  readonly edges: { readonly chars: CharSet; readonly to: number }[];
  /** Ways on that read nothing, some only where an assertion holds. */
  readonly skips: { readonly to: number; readonly when: RegexAssertion | undefined }[];
}

/** What stands before or after a position. */
type Neighbour = 'none' | 'word' | 'other';

/** A set of loose states, and what was read last. */
interface Position {
  readonly states: readonly number[];
  readonly before: Neighbour;
}

const maxLooseStates = 20_000;
/** Looks at loose states and ranges of characters. */
const stepsPerMicrosecond = 6;
/**
 * For one pattern: some 50 ms, so that one that explodes leaves most of a grammar's time to the others. Not a time of its
 * own, lest the load of the machine decide what is enforced.
 */
const maxSteps = 300_000;

/**
 * The texts in which the pattern matches somewhere, as `pattern` in JSON Schema means it. Throws
 * {@link RegexRefusedError} for what cannot be compiled and {@link AutomatonTooLargeError} for what would explode.
 */
export function regexAutomaton(pattern: string, budget: TimeBudget): Automaton {
  const { states, end } = looseStates(parseRegex(pattern, budget), budget);
  const assertions = new Set(states.flatMap(({ skips }) => skips.map(({ when }) => when)));
  const seesWords = assertions.has('wordBoundary') || assertions.has('noWordBoundary');
  const neighbours: readonly [Neighbour, CharSet][] = seesWords
    ? [
        ['word', wordChars],
        ['other', subtractChars(anyChar, wordChars)],
      ]
    : [['other', anyChar]];
  /** States with ways on that ask something, and those that do not only lead on. */
  const asks = states.map(({ skips }) => skips.some(({ when }) => when !== undefined));
  const stays = states.map(({ edges }, index) => index === end || edges.length > 0 || asks[index]!);
  /** By state: the last search that found it. */
  const foundBy = new Uint32Array(states.length);
  const pieces = createCharPieces(spend);
  let searches = 0;
  let stepsLeft = maxSteps;

  function spend(steps: number): void {
    budget.spend(steps / stepsPerMicrosecond);
    stepsLeft -= steps;
    if (stepsLeft < 0) throw new AutomatonTooLargeError('the pattern is too complex');
  }

  /** All states reached without reading; with no `after`, only over skips that ask nothing. */
  function closure(
    from: readonly number[],
    before: Neighbour,
    after: Neighbour | undefined,
  ): readonly number[] {
    const search = ++searches;
    const found: number[] = [];
    const add = (index: number): void => {
      if (foundBy[index] === search) return;
      foundBy[index] = search;
      found.push(index);
    };
    from.forEach(add);
    for (const index of found) {
      for (const { to, when } of states[index]!.skips) {
        if (when === undefined || (after !== undefined && holds(when, before, after))) add(to);
      }
    }
    spend(found.length);
    return found;
  }

  /** Without the states that only lead on, so that equal positions look equal. */
  function position(from: readonly number[], before: Neighbour): Position {
    const kept = closure(from, before, undefined).filter((index) => stays[index]);
    return { states: kept.sort((a, b) => a - b), before };
  }

  /** Where each set of characters leads from here. */
  function targetsBySet(from: readonly number[]): ReadonlyMap<CharSet, number[]> {
    const targets = new Map<CharSet, number[]>();
    for (const index of from) {
      for (const { chars, to } of states[index]!.edges) {
        const known = targets.get(chars);
        if (known === undefined) targets.set(chars, [to]);
        else known.push(to);
      }
    }
    return targets;
  }

  function view({ states: from, before }: Position): StateView<Position> {
    // What asks nothing is there already.
    const isOpen = !from.some((index) => asks[index]);
    const open = (after: Neighbour): readonly number[] => (isOpen ? from : closure(from, before, after));
    const edges = neighbours.flatMap(([after, within]) => {
      const targets = targetsBySet(open(after));
      return pieces.of([...targets.keys()], within).map(({ chars, sets }) => ({
        chars,
        to: position(
          sets.flatMap((set) => targets.get(set)!),
          after,
        ),
      }));
    });
    return { accepting: open('none').includes(end), edges };
  }

  return exploreAutomaton(position([0], 'none'), keyOf, view, budget);
}

/** Each number of a state as a character. */
function keyOf({ states, before }: Position): string {
  let key: string = before;
  for (const index of states) key += String.fromCharCode(index);
  return key;
}

function holds(that: RegexAssertion, before: Neighbour, after: Neighbour): boolean {
  if (that === 'start') return before === 'none';
  if (that === 'end') return after === 'none';
  return (that === 'wordBoundary') === ((before === 'word') !== (after === 'word'));
}

/** The expression after any text and before any text. */
function looseStates(node: RegexNode, budget: TimeBudget): { states: readonly LooseState[]; end: number } {
  const states: LooseState[] = [];
  let steps = 0;

  function add(): number {
    if (states.length >= maxLooseStates) throw new AutomatonTooLargeError('the pattern is too long');
    return states.push({ edges: [], skips: [] }) - 1;
  }

  function skip(from: number, to: number, when?: RegexAssertion): void {
    states[from]!.skips.push({ to, when });
  }

  /** Adds the node after the state `from`, and returns the state behind it. */
  function build(part: RegexNode, from: number): number {
    budget.spend(0.2);
    if (++steps > 5 * maxLooseStates) throw new AutomatonTooLargeError('the pattern repeats too often');
    switch (part.kind) {
      case 'chars': {
        const to = add();
        states[from]!.edges.push({ chars: part.chars, to });
        return to;
      }
      case 'assert': {
        const to = add();
        skip(from, to, part.that);
        return to;
      }
      case 'sequence':
        return part.parts.reduce((at, next) => build(next, at), from);
      case 'choice': {
        const end = add();
        for (const option of part.options) skip(build(option, from), end);
        return end;
      }
      case 'repeat':
        return buildRepeat(part.part, part.min, part.max, from);
    }
  }

  function buildRepeat(part: RegexNode, min: number, max: number, from: number): number {
    let at = from;
    for (let count = 0; count < min; count++) at = build(part, at);
    if (max === Infinity) {
      const loop = add();
      skip(at, loop);
      skip(build(part, loop), loop);
      return loop;
    }
    const end = add();
    for (let count = min; count < max; count++) {
      skip(at, end);
      at = build(part, at);
    }
    skip(at, end);
    return end;
  }

  const start = add();
  states[start]!.edges.push({ chars: anyChar, to: start });
  const first = add();
  skip(start, first);
  const last = add();
  skip(build(node, first), last);
  states[last]!.edges.push({ chars: anyChar, to: last });
  return { states, end: last };
}
