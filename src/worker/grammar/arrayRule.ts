import type { Never } from './conjunction.js';
import { whitespace } from './jsonText.js';
import { repetition } from './repetition.js';
import { isNever, type SchemaCompiler, type ValueRule } from './schemaCompiler.js';
import {
  largestCount,
  readCount,
  readSchema,
  readSchemas,
  smallestCount,
  type LocatedObject,
} from './schemaKeywords.js';
import type { LocatedSchema } from './schemaRefs.js';

/** `prefixItems` and `items` of one schema, by whichever draft it writes them. */
interface ItemSchemas {
  readonly first: readonly LocatedSchema[];
  readonly rest: LocatedSchema | undefined;
}

/** An array that all these schemas allow. */
export function arrayRule(compiler: SchemaCompiler, schemas: readonly LocatedObject[]): ValueRule | Never {
  const { builder, budget } = compiler;
  const items = schemas.map(itemSchemas);
  const minItems = largestCount(schemas, 'minItems');
  let maxItems = smallestCount(schemas, 'maxItems');
  let impossible: Never = {
    keyword: 'minItems',
    path: schemas.find((located) => readCount(located, 'minItems') === minItems)?.path ?? '#',
    why: 'it is more than maxItems',
  };

  function element(index: number): string | undefined {
    budget.spend(items.length / 4);
    const wanted = items.flatMap(({ first, rest }) => first[index] ?? rest ?? []);
    const rule = compiler.value(wanted, 'item');
    if (!isNever(rule)) return rule;
    // No value can stand here: the array ends before it.
    if (index < maxItems) impossible = rule;
    maxItems = Math.min(maxItems, index);
    return undefined;
  }

  const longest = items.reduce((most, { first }) => Math.max(most, first.length), 0);
  const prefixLength = Math.min(longest, maxItems);
  const prefix: string[] = [];
  while (prefix.length < Math.min(prefixLength, maxItems)) {
    const rule = element(prefix.length);
    if (rule !== undefined) prefix.push(rule);
  }
  const rest = maxItems > prefix.length ? element(prefix.length) : undefined;
  if (minItems > maxItems) return impossible;

  const ws = whitespace(builder);
  const needs = [
    [...prefix.slice(0, minItems), ...(rest !== undefined && minItems > prefix.length ? [rest] : [])],
  ];
  const close = `${ws} "]"`;
  /** What may follow so many elements, when the first one stands. */
  let tail = close;
  if (rest !== undefined) {
    const from = Math.max(prefix.length, 1);
    const more = builder.rule('element', `"," ${ws} ${rest}`);
    tail = `${repetition(builder, more, Math.max(0, minItems - from), maxItems - from)} ${close}`;
  }
  for (let index = prefix.length - 1; index >= 1; index--) {
    const next = `"," ${ws} ${prefix[index]!} ${tail}`;
    tail = index >= minItems ? builder.rule('elements', `${next} | ${close}`) : next;
  }
  const first = prefix[0] ?? rest;
  if (first === undefined) return { gbnf: `"[" ${ws} "]"`, needs };
  const filled = `${first} ${tail}`;
  return { gbnf: `"[" ${ws} ${minItems > 0 ? filled : `(${filled} | "]")`}`, needs };
}

function itemSchemas(located: LocatedObject): ItemSchemas {
  if (Array.isArray(located.schema['items'])) {
    return { first: readSchemas(located, 'items'), rest: readSchema(located, 'additionalItems') };
  }
  return { first: readSchemas(located, 'prefixItems'), rest: readSchema(located, 'items') };
}
