import type { Automaton, AutomatonEdge } from './automaton.js';
import {
  intersectChars,
  onlyChar,
  subtractChars,
  toGbnfClass,
  charSet,
  charsOf,
  type CharSet,
} from './charSet.js';
import { literal, type GrammarBuilder } from './grammarBuilder.js';
import { createCharSetNumbers } from './charSetNumbers.js';
import { anyJsonChar } from './jsonText.js';
import type { TimeBudget } from './timeBudget.js';

/** How the characters of an automaton are written: as they are, or as within the quotes of a JSON string. */
export type Spelling = 'plain' | 'json';

/**
 * Rule name: the texts of an automaton that accepts any. Its states are rules, and states with one way on are joined to
 * one sequence, so that llama.cpp never has more stacks than a state has edges.
 */
export function automatonRule(
  builder: GrammarBuilder,
  hint: string,
  automaton: Automaton,
  spelling: Spelling,
): string {
  return builder.once(`${spelling} ${keyOf(automaton, builder.budget)}`, () => {
    const entries = automaton.map(() => 0);
    automaton.forEach(({ edges }) => edges.forEach(({ to }) => entries[to]!++));

    /** No rule of its own: the only way into it continues with the only way out of it. */
    function isLink(index: number): boolean {
      const { accepting, edges } = automaton[index]!;
      return index !== 0 && entries[index] === 1 && !accepting && edges.length === 1;
    }
    function isEnd(index: number): boolean {
      return index !== 0 && automaton[index]!.edges.length === 0;
    }

    const rules = automaton.map((_, index) =>
      isLink(index) || isEnd(index) ? undefined : builder.reserve(hint),
    );

    const classes = new Map<CharSet, string>();
    function classOf(chars: CharSet): string {
      const known =
        classes.get(chars) ?? (spelling === 'json' ? jsonChar(builder, chars) : toGbnfClass(chars));
      classes.set(chars, known);
      return known;
    }

    function sequence(edge: AutomatonEdge): string {
      const parts: string[] = [];
      let text = '';
      for (let next: AutomatonEdge | undefined = edge; next !== undefined;) {
        builder.budget.spend(1 + next.chars.length / 2);
        const char = onlyChar(next.chars);
        if (char !== undefined) text += spelling === 'json' ? JSON.stringify(char).slice(1, -1) : char;
        else {
          if (text !== '') parts.push(literal(text));
          text = '';
          parts.push(classOf(next.chars));
        }
        const target: number = next.to;
        next = isLink(target) ? automaton[target]!.edges[0] : undefined;
        if (next === undefined) {
          if (text !== '') parts.push(literal(text));
          const rule = rules[target];
          if (rule !== undefined) parts.push(rule.name);
        }
      }
      return parts.join(' ');
    }

    automaton.forEach(({ accepting, edges }, index) => {
      const rule = rules[index];
      if (rule === undefined) return;
      const alternatives = edges.map(sequence);
      if (accepting) alternatives.push('""');
      rule.define(alternatives.join(' | '));
    });
    return rules[0]!.name;
  });
}

/** Equal for equal automata. */
function keyOf(automaton: Automaton, budget: TimeBudget): string {
  const { numberOf, sets } = createCharSetNumbers(budget);
  const states = automaton.map(({ accepting, edges }) => {
    budget.spend(1 + edges.length / 4);
    return `${accepting}${edges.map(({ chars, to }) => ` ${numberOf(chars)}:${to}`).join('')}`;
  });
  return `${states.join(';')} ${JSON.stringify(sets)}`;
}

const controls = charSet([[0, 0x1f]]);
const escapedByLetter = charsOf('"\\\b\f\n\r\t');
const special = charSet([...controls, ...escapedByLetter]);

/** One of these characters as `JSON.stringify` writes it within quotes: a class, or the name of a rule. */
function jsonChar(builder: GrammarBuilder, chars: CharSet): string {
  const escaped = intersectChars(chars, special);
  if (escaped.length === 0) return toGbnfClass(chars);
  const plain = subtractChars(chars, special);
  if (
    escaped.length === special.length &&
    escaped.every(([from, to], i) => special[i]![0] === from && special[i]![1] === to)
  ) {
    return anyJsonChar(builder, plain);
  }
  const letters = intersectChars(escaped, escapedByLetter);
  const alternatives = plain.length === 0 ? [] : [toGbnfClass(plain)];
  if (letters.length > 0) alternatives.push(`"\\\\" ${toGbnfClass(charsOf(letterNames(letters)))}`);
  for (const [from, to] of subtractChars(escaped, escapedByLetter)) {
    for (let code = from; code <= to; code++) {
      alternatives.push(literal(JSON.stringify(String.fromCharCode(code)).slice(1, -1)));
    }
  }
  return builder.rule('char', alternatives.join(' | '));
}

function letterNames(letters: CharSet): string {
  const names = letters.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) =>
      JSON.stringify(String.fromCharCode(from + index)).slice(2, -1),
    ),
  );
  return names.join('');
}
