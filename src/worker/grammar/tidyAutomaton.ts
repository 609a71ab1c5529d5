import type { AutomatonEdge, AutomatonState } from './automaton.js';
import { unionChars } from './charSet.js';
import { createStateSignatures, type StateSignatures } from './stateSignatures.js';
import type { TimeBudget } from './timeBudget.js';

type States = readonly AutomatonState[];

/** The same language without states that lead nowhere, and with equal states merged. */
export function tidyAutomaton(states: States, budget: TimeBudget): States {
  const alive = trimmed(states, budget);
  const signatures = createStateSignatures(alive, budget);
  const order = childrenFirst(alive, budget);
  return merged(
    alive,
    order === undefined ? classesByRefinement(alive, signatures) : classesOfTree(alive, order, signatures),
    budget,
  );
}

/** Only states from which the end can be reached; the start stays. */
function trimmed(states: States, budget: TimeBudget): States {
  const before = predecessors(states);
  const alive = new Set(states.flatMap(({ accepting }, index) => (accepting ? [index] : [])));
  for (const index of alive) {
    budget.spend(0.3 + before[index]!.length / 8);
    for (const from of before[index]!) alive.add(from);
  }
  if (alive.size === states.length) return states;
  const kept = states.map((_, index) => index).filter((index) => index === 0 || alive.has(index));
  const renamed = new Map(kept.map((index, position) => [index, position]));
  return kept.map((index) => ({
    accepting: states[index]!.accepting,
    edges: states[index]!.edges.flatMap(({ chars, to }) =>
      alive.has(to) ? [{ chars, to: renamed.get(to)! }] : [],
    ),
  }));
}

function predecessors(states: States): readonly (readonly number[])[] {
  const before: number[][] = states.map(() => []);
  states.forEach(({ edges }, from) => edges.forEach(({ to }) => before[to]!.push(from)));
  return before;
}

/** All states that the start reaches, each after its successors; undefined where there is a loop. */
function childrenFirst(states: States, budget: TimeBudget): readonly number[] | undefined {
  const order: number[] = [];
  const mark = new Uint8Array(states.length);
  const path: { index: number; edge: number }[] = [{ index: 0, edge: 0 }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    budget.spend(0.1);
    mark[top.index] = 1;
    const edge = states[top.index]!.edges[top.edge++];
    if (edge === undefined) {
      mark[top.index] = 2;
      order.push(top.index);
      path.pop();
    } else if (mark[edge.to] === 1) return undefined;
    else if (mark[edge.to] === 0) path.push({ index: edge.to, edge: 0 });
  }
  return order;
}

/** The class of each state of an automaton without loops: one pass, since successors come first. */
function classesOfTree(
  states: States,
  order: readonly number[],
  { signatureOf }: StateSignatures,
): readonly number[] {
  const classes = new Array<number>(states.length).fill(0);
  const known = new Map<string, number>();
  for (const index of order) {
    const key = `${states[index]!.accepting} ${signatureOf(index, classes)}`;
    const number = known.get(key) ?? known.size;
    known.set(key, number);
    classes[index] = number;
  }
  return classes;
}

/**
 * States are equal until a character tells them apart. Hopcroft's idea: of a class that falls apart the largest part
 * keeps its number, and only those that lead to the others are looked at again. So no state is looked at more than a
 * logarithm of times for each of its edges.
 */
function classesByRefinement(states: States, { signatureOf }: StateSignatures): readonly number[] {
  const before = predecessors(states);
  const classes = states.map(({ accepting }) => Number(accepting));
  const all = states.map((_, index) => index);
  /** By class: states that are known to be alike, and those that may no longer be. */
  const alike: Set<number>[] = [new Set(), new Set()];
  const doubtful: Set<number>[] = [0, 1].map((own) => new Set(all.filter((index) => classes[index] === own)));
  const todo = [0, 1];

  for (let own = todo.pop(); own !== undefined; own = todo.pop()) {
    const parts = new Map<string, Set<number>>();
    for (const index of doubtful[own]!) {
      alike[own]!.delete(index);
      const key = signatureOf(index, classes);
      const part = parts.get(key);
      if (part === undefined) parts.set(key, new Set([index]));
      else part.add(index);
    }
    doubtful[own] = new Set();
    for (const index of alike[own]!) {
      const key = signatureOf(index, classes);
      parts.get(key)?.forEach((other) => alike[own]!.add(other));
      parts.delete(key);
      break;
    }
    for (const [key, part] of parts) {
      if (part.size <= alike[own]!.size) continue;
      parts.set(key, alike[own]!);
      alike[own] = part;
    }
    const moved = [...parts.values()].filter(({ size }) => size > 0);
    for (const part of moved) {
      const number = alike.push(part) - 1;
      doubtful.push(new Set());
      for (const index of part) classes[index] = number;
    }
    for (const part of moved) {
      for (const index of part) {
        for (const from of before[index]!) {
          const other = doubtful[classes[from]!]!;
          if (other.size === 0) todo.push(classes[from]!);
          other.add(from);
        }
      }
    }
  }
  return classes;
}

function merged(states: States, classes: readonly number[], budget: TimeBudget): States {
  const positions = new Map<number, number>();
  const chosen: AutomatonState[] = [];
  states.forEach((state, index) => {
    if (positions.has(classes[index]!)) return;
    positions.set(classes[index]!, chosen.push(state) - 1);
  });
  return chosen.map(({ accepting, edges }) => ({
    accepting,
    edges: byTarget(
      edges.map(({ chars, to }) => ({ chars, to: positions.get(classes[to]!)! })),
      budget,
    ),
  }));
}

/** One edge for each target. */
function byTarget(edges: readonly AutomatonEdge[], budget: TimeBudget): readonly AutomatonEdge[] {
  budget.spend(edges.length / 3);
  const found = new Map<number, AutomatonEdge['chars'][]>();
  for (const { chars, to } of edges) {
    const sets = found.get(to);
    if (sets === undefined) found.set(to, [chars]);
    else sets.push(chars);
  }
  return Array.from(found, ([to, sets]) => {
    budget.spend(sets.reduce((sum, { length }) => sum + length, 0) / 10);
    return { chars: sets.length === 1 ? sets[0]! : unionChars(sets), to };
  });
}
