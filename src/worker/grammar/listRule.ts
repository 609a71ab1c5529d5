import { charsOf, toGbnfClass } from './charSet.js';
import { literal, type GrammarBuilder } from './grammarBuilder.js';

/**
 * Rule name: exactly one of these texts, of which there is at least one. Shared beginnings are written once, so that
 * llama.cpp has as many stacks as characters can follow, not as many as texts; equal ends share their rules.
 */
export function listRule(builder: GrammarBuilder, hint: string, texts: Iterable<string>): string {
  const sorted = [...new Set(texts)].sort().map((text) => {
    builder.budget.spend(1 + text.length / 20);
    return Array.from(text);
  });
  return builder.rule(hint, endings(builder, hint, sorted, 0));
}

/** GBNF of what follows the first `from` characters, which the sorted texts share. */
function endings(
  builder: GrammarBuilder,
  hint: string,
  texts: readonly (readonly string[])[],
  from: number,
): string {
  builder.budget.spend(1 + texts.length / 10);
  /** First characters by what follows them. */
  const byRest = new Map<string, string>();
  const alternatives: string[] = [];
  for (let start = 0, end = 0; start < texts.length; start = end) {
    const first = texts[start]!;
    const char = first[from];
    if (char === undefined) {
      alternatives.push('""');
      end = start + 1;
      continue;
    }
    while (end < texts.length && texts[end]![from] === char) end++;
    const group = texts.slice(start, end);
    const shared = sharedLength(group, from);
    const isOne = group.length === 1;
    const rest = isOne ? '' : builder.rule(hint, endings(builder, hint, group, shared));
    if (shared === from + 1) byRest.set(rest, (byRest.get(rest) ?? '') + char);
    else alternatives.push(`${literal(first.slice(from, shared).join(''))} ${rest}`.trimEnd());
  }
  for (const [rest, chars] of byRest) {
    const one = Array.from(chars).length === 1 ? literal(chars) : toGbnfClass(charsOf(chars));
    alternatives.push(`${one} ${rest}`.trimEnd());
  }
  return alternatives.join(' | ');
}

/** Characters that all of the sorted texts begin with. */
function sharedLength(sorted: readonly (readonly string[])[], from: number): number {
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  let length = from;
  while (length < first.length && first[length] === last[length]) length++;
  return length;
}
