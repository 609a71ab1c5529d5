import {
  anyChar,
  charSet,
  charsOf,
  codePoint,
  singleChar,
  subtractChars,
  unionChars,
  type CharSet,
} from './charSet.js';
import type { TimeBudget } from './timeBudget.js';

/** A regular expression, without groups and greediness: they do not change which texts match. */
export type RegexNode =
  | { readonly kind: 'chars'; readonly chars: CharSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly part: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'assert'; readonly that: RegexAssertion };

/** `^`, `$`, `\b` and `\B`. */
export type RegexAssertion = 'start' | 'end' | 'wordBoundary' | 'noWordBoundary';

/** The expression is not valid, not regular, or beyond what is worth a grammar. */
export class RegexRefusedError extends Error {
  override readonly name = 'RegexRefusedError';
}

const maxGroupDepth = 100;
const digits = charSet([[0x30, 0x39]]);

/** What `\w` matches. */
export const wordChars = charSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const spaces = charSet([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const notNewline = subtractChars(anyChar, charsOf('\n\r\u2028\u2029'));

const classEscapes = new Map<string, CharSet>([
  ['d', digits],
  ['D', subtractChars(anyChar, digits)],
  ['w', wordChars],
  ['W', subtractChars(anyChar, wordChars)],
  ['s', spaces],
  ['S', subtractChars(anyChar, spaces)],
]);
const controlEscapes = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['f', '\f'],
  ['0', '\0'],
]);

/**
 * Reads an ECMA-262 regular expression as with the flag `u` (`.` and classes match code points), but forgives needless
 * escapes as without it. Throws {@link RegexRefusedError} for what is not regular: lookaround and backreferences.
 */
export function parseRegex(pattern: string, budget: TimeBudget): RegexNode {
  assertValid(pattern);
  const chars = Array.from(pattern);
  let at = 0;
  let depth = 0;

  function take(text: string): boolean {
    if (!text.split('').every((char, index) => chars[at + index] === char)) return false;
    at += text.length;
    return true;
  }

  function parseChoice(): RegexNode {
    if (++depth > maxGroupDepth) throw new RegexRefusedError('groups are nested too deep');
    const options = [parseSequence()];
    while (take('|')) options.push(parseSequence());
    depth--;
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  function parseSequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (at < chars.length && chars[at] !== '|' && chars[at] !== ')') parts.push(parseRepeat(parseAtom()));
    return { kind: 'sequence', parts };
  }

  function parseRepeat(part: RegexNode): RegexNode {
    const bounds = parseBounds();
    if (bounds === undefined) return part;
    take('?');
    return parseRepeat({ kind: 'repeat', part, ...bounds });
  }

  function parseBounds(): { min: number; max: number } | undefined {
    if (take('*')) return { min: 0, max: Infinity };
    if (take('+')) return { min: 1, max: Infinity };
    if (take('?')) return { min: 0, max: 1 };
    const found = /^\{(\d+)(,(\d*))?\}/.exec(chars.slice(at, at + 40).join(''));
    if (found === null) return undefined;
    at += found[0].length;
    const min = Number(found[1]);
    if (found[2] === undefined) return { min, max: min };
    return { min, max: found[3] === '' ? Infinity : Number(found[3]) };
  }

  function parseAtom(): RegexNode {
    budget.spend(0.5);
    const char = chars[at++]!;
    if (char === '(') return parseGroup();
    if (char === '[') return { kind: 'chars', chars: parseClass() };
    if (char === '.') return { kind: 'chars', chars: notNewline };
    if (char === '^') return { kind: 'assert', that: 'start' };
    if (char === '$') return { kind: 'assert', that: 'end' };
    if (char !== '\\') return { kind: 'chars', chars: charSet([[codePoint(char), codePoint(char)]]) };
    if (take('b')) return { kind: 'assert', that: 'wordBoundary' };
    if (take('B')) return { kind: 'assert', that: 'noWordBoundary' };
    if (/[1-9k]/.test(chars[at] ?? '')) throw new RegexRefusedError('backreferences are not regular');
    return { kind: 'chars', chars: parseEscape() };
  }

  function parseGroup(): RegexNode {
    if (take('?=') || take('?!') || take('?<=') || take('?<!')) {
      throw new RegexRefusedError('lookahead and lookbehind cannot be enforced');
    }
    if (take('?<')) while (chars[at++] !== '>');
    else if (chars[at] === '?' && !take('?:'))
      throw new RegexRefusedError('flags of a group cannot be enforced');
    const group = parseChoice();
    take(')');
    return group;
  }

  /** After the backslash. */
  function parseEscape(): CharSet {
    const char = chars[at++] ?? '\\';
    const known = classEscapes.get(char);
    if (known !== undefined) return known;
    if (char === 'p' || char === 'P') throw new RegexRefusedError('unicode properties cannot be enforced');
    const code = escapedCode(char);
    return charSet([[code, code]]);
  }

  function escapedCode(char: string): number {
    const control = controlEscapes.get(char);
    if (control !== undefined) return codePoint(control);
    const rest = chars.slice(at, at + 12).join('');
    const found =
      char === 'x'
        ? /^([0-9a-f]{2})/i.exec(rest)
        : char === 'u'
          ? (/^(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})/i.exec(rest) ??
            /^([0-9a-f]{4})|^\{([0-9a-f]+)\}/i.exec(rest))
          : char === 'c'
            ? /^([a-z])/i.exec(rest)
            : null;
    if (found === null) return codePoint(char);
    at += found[0].length;
    if (char === 'c') return codePoint(found[1]!) % 32;
    const code = parseInt(found[1] ?? found[2]!, 16);
    if (!found[0].includes('\\')) return code;
    return 0x10000 + ((code - 0xd800) << 10) + (parseInt(found[2]!, 16) - 0xdc00);
  }

  function parseClass(): CharSet {
    const negated = take('^');
    const parts: CharSet[] = [];
    while (!take(']')) {
      budget.spend(0.5);
      if (at >= chars.length) throw new RegexRefusedError('a character class does not end');
      const from = parseClassAtom();
      if (chars[at] !== '-' || chars[at + 1] === ']' || at + 1 >= chars.length) {
        parts.push(from);
        continue;
      }
      at++;
      const to = parseClassAtom();
      const [low, high] = [from[0]?.[0], to.at(-1)?.[1]];
      const isRange = from.length === 1 && to.length === 1 && low === from[0]![1] && high === to[0]![0];
      if (isRange) parts.push(charSet([[low, high]]));
      else parts.push(from, to, charsOf('-'));
    }
    const set = unionChars(parts);
    return negated ? subtractChars(anyChar, set) : set;
  }

  function parseClassAtom(): CharSet {
    const char = chars[at++]!;
    if (char !== '\\') return charSet([[codePoint(char), codePoint(char)]]);
    if (take('b')) return singleChar(8);
    if (take('-')) return charsOf('-');
    return parseEscape();
  }

  const node = parseChoice();
  if (at < chars.length) throw new RegexRefusedError('the expression is not balanced');
  return node;
}

function assertValid(pattern: string): void {
  for (const flags of ['u', '']) {
    try {
      new RegExp(pattern, flags);
      return;
    } catch {
      // Without `u` more is valid.
    }
  }
  throw new RegexRefusedError('it is not a valid regular expression');
}
