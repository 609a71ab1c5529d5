import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { createGrammarBuilder } from '../../../../src/worker/grammar/grammarBuilder.js';
import { compileJsonSchema } from '../../../../src/worker/grammar/jsonSchema.js';
import { createGbnfWalker } from '../../../support/gbnfWalker.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';
import { createAjvJudge } from '../../../support/ajvJudge.js';
import { createRandom } from './random.js';
import { jsonValues, schemas } from './randomSchemas.js';

const numRuns = Number(process.env['GRAMMAR_RUNS'] ?? 80);

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

/** The grammar, or why there is none. */
function compile(schema: Record<string, unknown>): { gbnf: string } | { refused: string } {
  const builder = createGrammarBuilder();
  const compiled = compileJsonSchema(builder, schema, { strict: true });
  return compiled.kind === 'refused'
    ? { refused: compiled.message }
    : { gbnf: builder.toGbnf(compiled.rule) };
}

it('generates only what ajv allows', () => {
  fc.assert(
    fc.property(schemas, fc.nat(), (schema, seed) => {
      const compiled = compile(schema);
      fc.pre('gbnf' in compiled);
      const judge = createAjvJudge(schema);
      const walker = createGbnfWalker(compiled.gbnf);
      const random = createRandom(seed);
      for (let round = 0; round < 10; round++) {
        const text = walker.walk(random);
        expect({ text, allowed: judge(JSON.parse(text)) }).toEqual({ text, allowed: true });
        expect({ text, llama: llama.accepts(compiled.gbnf, text) }).toEqual({ text, llama: true });
      }
    }),
    { numRuns },
  );
}, 120_000);

it('accepts a value where ajv does, and only there', () => {
  fc.assert(
    fc.property(
      schemas,
      fc.array(jsonValues, { minLength: 10, maxLength: 10 }),
      fc.nat(),
      (schema, values, seed) => {
        const compiled = compile(schema);
        const judge = createAjvJudge(schema);
        if ('refused' in compiled) {
          // What is refused because no value is possible has none.
          if (compiled.refused.includes('no value is possible')) {
            for (const value of values)
              expect({ value, allowed: judge(value) }).toEqual({ value, allowed: false });
          }
          return;
        }
        const walker = createGbnfWalker(compiled.gbnf);
        const random = createRandom(seed);
        const near = values.map((value) => changed(JSON.parse(walker.walk(random)), value, random));
        for (const value of [...values, ...near]) {
          const texts = inAnyOrder(value);
          if (texts === undefined || isBeyondLimits(texts[0]!)) continue;
          const accepted = texts.some((text) => llama.accepts(compiled.gbnf, text));
          expect({ text: texts[0], accepted }).toEqual({
            text: texts[0],
            accepted: judge(JSON.parse(texts[0]!)),
          });
        }
      },
    ),
    { numRuns },
  );
}, 120_000);

/** A valid value with one thing replaced, removed or added: often just not valid any more. */
function changed(value: unknown, other: unknown, random: () => number): unknown {
  if (random() < 0.2) return other;
  if (random() < 0.2) return value;
  if (typeof value === 'number') return Math.round(value * 100) / 100 + (random() < 0.5 ? 1 : -0.5);
  if (typeof value === 'string') return random() < 0.5 ? `${value}a` : value.slice(0, -1);
  if (Array.isArray(value)) {
    if (value.length === 0 || random() < 0.3) return [...(value as unknown[]), other];
    const index = Math.floor(random() * value.length);
    if (random() < 0.3) return value.filter((_, position) => position !== index);
    return value.map((item: unknown, position) => (position === index ? changed(item, other, random) : item));
  }
  if (typeof value !== 'object' || value === null) return other;
  const entries = Object.entries(value);
  const index = Math.floor(random() * entries.length);
  if (entries.length === 0 || random() < 0.3) return { ...value, c: other };
  if (random() < 0.4) return Object.fromEntries(entries.filter((_, position) => position !== index));
  return Object.fromEntries(
    entries.map(([key, inner], position) => [
      key,
      position === index ? changed(inner, other, random) : inner,
    ]),
  );
}

/** The value as JSON, with its members in any order; undefined where these are too many. */
function inAnyOrder(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null) return [JSON.stringify(value)];
  const parts = Array.isArray(value)
    ? value.map((item) => inAnyOrder(item))
    : Object.entries(value).map(([key, inner]) =>
        inAnyOrder(inner)?.map((text) => `${JSON.stringify(key)}:${text}`),
      );
  let rows: readonly (readonly string[])[] = [[]];
  for (const part of parts) {
    if (part === undefined || rows.length * part.length > 100) return undefined;
    rows = rows.flatMap((row) => part.map((text) => [...row, text]));
  }
  if (Array.isArray(value)) return rows.map((row) => `[${row.join()}]`);
  return parts.length > 4
    ? undefined
    : rows.flatMap((row) => permutations(row).map((order) => `{${order.join()}}`));
}

function permutations(items: readonly string[]): readonly (readonly string[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [first, ...rest]),
  );
}

/** Lone surrogates, and numbers that JSON writes with an exponent or more digits than a bounded number may have. */
function isBeyondLimits(text: string): boolean {
  return /\\ud[89a-f]/i.test(text) || /\d[eE][+-]?\d/.test(text) || /\d{16}|\d[\d.]{16}/.test(text);
}
