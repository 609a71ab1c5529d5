/** Code points as sorted, disjoint, inclusive ranges that do not touch. */
export type CharSet = readonly (readonly [from: number, to: number])[];

/** Every code point but surrogates, which no UTF-8 text holds. */
export const anyChar: CharSet = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** The set of these ranges, in any order, overlapping or not; surrogates are left out. */
export function charSet(ranges: Iterable<readonly [number, number]>): CharSet {
  return intersectChars(normalised(ranges), anyChar);
}

/** The characters of this text as a set. */
export function charsOf(text: string): CharSet {
  return charSet(Array.from(text, (char) => [codePoint(char), codePoint(char)] as const));
}

/** The set of one code point. */
export function singleChar(code: number): CharSet {
  return [[code, code]];
}

export function unionChars(sets: readonly CharSet[]): CharSet {
  return normalised(sets.flat());
}

export function intersectChars(a: CharSet, b: CharSet): CharSet {
  const result: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [aFrom, aTo] = a[i]!;
    const [bFrom, bTo] = b[j]!;
    const from = Math.max(aFrom, bFrom);
    const to = Math.min(aTo, bTo);
    if (from <= to) result.push([from, to]);
    if (aTo < bTo) i++;
    else j++;
  }
  return result;
}

/** The characters of `a` that `b` has not. */
export function subtractChars(a: CharSet, b: CharSet): CharSet {
  const complement: [number, number][] = [];
  let next = 0;
  for (const [from, to] of b) {
    if (from > next) complement.push([next, from - 1]);
    next = to + 1;
  }
  complement.push([next, 0x10ffff]);
  return intersectChars(a, complement);
}

export function hasChar(set: CharSet, code: number): boolean {
  return set.some(([from, to]) => from <= code && code <= to);
}

/** The only character of the set, if it has exactly one. */
export function onlyChar(set: CharSet): string | undefined {
  const [range] = set;
  if (set.length !== 1 || range === undefined || range[0] !== range[1]) return undefined;
  return String.fromCodePoint(range[0]);
}

/** First code point of a text that is not empty. */
export function codePoint(char: string): number {
  return char.codePointAt(0) ?? 0;
}

/**
 * GBNF's character class for a set that is not empty. A class is negated only where it leaves out nothing but ASCII:
 * llama.cpp refuses half a code point (a byte-fallback token) at a negated class that names any of its continuations.
 */
export function toGbnfClass(set: CharSet): string {
  const missing = subtractChars(anyChar, set);
  if (missing.length === 0) return '.';
  if (missing.every(([, to]) => to < 0x80)) return `[^${classBody(missing)}]`;
  return `[${classBody(set)}]`;
}

function classBody(set: CharSet): string {
  return set
    .map(([from, to]) => (from === to ? classChar(from) : `${classChar(from)}-${classChar(to)}`))
    .join('');
}

function classChar(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[A-Za-z0-9 !#$%&'()*+,./:;<=>?@_`{|}~]/.test(char)) return char;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, '0');
}

function normalised(ranges: Iterable<readonly [number, number]>): CharSet {
  const sorted = [...ranges].filter(([from, to]) => from <= to).sort((a, b) => a[0] - b[0]);
  const result: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
