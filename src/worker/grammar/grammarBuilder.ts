import { anyChar, charsOf, subtractChars, toGbnfClass } from './charSet.js';
import { defaultGrammarLimits, GrammarTooLargeError, type GrammarLimits } from './grammarLimits.js';
import { markerStates } from './markerStates.js';
import { createTimeBudget, type TimeBudget } from './timeBudget.js';

export { GrammarTooLargeError } from './grammarLimits.js';

/** Characters that are looked at in about a microsecond. */
const charactersPerStep = 100;

export interface GrammarBuilder {
  /** One for all that is compiled into this grammar; it began when the builder was created. */
  readonly budget: TimeBudget;
  /** Adds a rule and returns the unique name by which other rules refer to it; the hint makes it readable. Identical bodies share one rule. */
  rule(hint: string, body: string): string;
  /** Reserves a name before its body is known (recursion). */
  reserve(hint: string): { readonly name: string; define(body: string): void };
  /** What `make` returned when it was first called with this key: rules that several places need are made once. */
  once(key: string, make: () => string): string;
  /** GBNF text whose `root` is that rule. */
  toGbnf(root: string): string;
}

/**
 * Collects the rules of one grammar. Throws {@link GrammarTooLargeError} as soon as they are more than the limits, or have
 * taken longer. `now` is in milliseconds.
 */
export function createGrammarBuilder(
  limits: GrammarLimits = defaultGrammarLimits,
  now: () => number = () => performance.now(),
): GrammarBuilder {
  const budget = createTimeBudget(limits.milliseconds, now);
  const bodies = new Map<string, string>();
  const namesByBody = new Map<string, string>();
  const made = new Map<string, string>();
  const bases = new Map<string, string>();
  const usedHints = new Map<string, number>([['root', 1]]);
  let rules = 0;
  let characters = 0;

  function uniqueName(hint: string): string {
    const base = bases.get(hint) ?? baseName(hint);
    bases.set(hint, base);
    let uses = usedHints.get(base) ?? 0;
    let name: string;
    do {
      budget.spend(1);
      uses++;
      name = uses === 1 ? base : `${base}-${uses}`;
      // A hint may look like a numbered name itself.
    } while (uses > 1 && usedHints.has(name));
    usedHints.set(name, 1);
    usedHints.set(base, uses);
    return name;
  }

  function define(name: string, body: string): void {
    budget.spend(1 + body.length / charactersPerStep);
    rules += 1 + repetitionRules(body);
    characters += name.length + body.length + 6;
    if (rules > limits.rules || characters > limits.characters) {
      throw new GrammarTooLargeError(
        `The grammar is too large: more than ${limits.rules} rules or ${limits.characters} characters`,
      );
    }
    bodies.set(name, body);
  }

  return {
    budget,
    rule(hint, body) {
      budget.spend(1);
      const known = namesByBody.get(body);
      if (known !== undefined) return known;
      const name = uniqueName(hint);
      define(name, body);
      namesByBody.set(body, name);
      return name;
    },
    reserve(hint) {
      const name = uniqueName(hint);
      return { name, define: (body) => define(name, body) };
    },
    once(key, make) {
      const known = made.get(key);
      if (known !== undefined) return known;
      const name = make();
      made.set(key, name);
      return name;
    },
    toGbnf(root) {
      // Rules before those they are made of: llama.cpp looks for left recursion from each rule in this order, and what it
      // reached from one it does not look at again.
      const lines = Array.from(bodies, ([name, body]) => {
        budget.spend(1 + body.length / charactersPerStep);
        return `${name} ::= ${body}`;
      }).reverse();
      lines.unshift(`root ::= ${root}`);
      return lines.join('\n') + '\n';
    },
  };
}

function baseName(hint: string): string {
  const letters = hint
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  return letters || 'rule';
}

/** llama.cpp makes a rule of each optional repetition. */
function repetitionRules(body: string): number {
  let count = 0;
  for (const [, min, max] of body.matchAll(/\{(\d+),(\d+)\}/g))
    count += Math.max(0, Number(max) - Number(min));
  return count;
}

/** GBNF for exactly this text (quoted, escaped, unicode safe). Lone surrogates become U+FFFD, as in UTF-8. */
export function literal(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  const escaped = Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) return '\uFFFD';
    if (char === '"' || char === '\\') return `\\${char}`;
    if (char === '\n') return '\\n';
    if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
    return char;
  });
  return `"${escaped.join('')}"`;
}

/**
 * Rule name: any text in which none of the markers occurs, compiled from the Aho-Corasick automaton of the markers. The
 * empty text matches, and the text may end anywhere, also within the beginning of a marker.
 */
export function textWithout(builder: GrammarBuilder, markers: readonly string[]): string {
  return markerRules(builder, markers, () => undefined);
}

/**
 * Rule name: any text without a marker, then the end of the output; or a marker and what `then` says follows it, a GBNF
 * expression.
 */
export function textUntil(
  builder: GrammarBuilder,
  markers: readonly string[],
  then: (marker: string) => string,
): string {
  return markerRules(builder, markers, then);
}

function markerRules(
  builder: GrammarBuilder,
  markers: readonly string[],
  then: (marker: string) => string | undefined,
): string {
  const states = markerStates(markers);
  const rules = states.map(() => builder.reserve('text'));
  const start = rules[0]!;
  states.forEach(({ next }, index) => {
    const alternatives = [
      `${toGbnfClass(subtractChars(anyChar, charsOf([...next.keys()].join(''))))} ${start.name}`,
    ];
    for (const [char, step] of next) {
      const rest = step.kind === 'found' ? then(step.marker) : rules[step.index]!.name;
      // An expression may have alternatives of its own.
      if (rest === undefined) continue;
      const name = /^[A-Za-z0-9-]+$/.test(rest) ? rest : builder.rule('after', rest);
      alternatives.push(`${literal(char)} ${name}`);
    }
    rules[index]!.define([...alternatives, '""'].join(' | '));
  });
  return start.name;
}
