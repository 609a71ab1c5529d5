import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../../../src/protocol/generateRequest.js';
import { createGrammarBuilder, GrammarTooLargeError } from '../../../../src/worker/grammar/grammarBuilder.js';
import { defaultGrammarLimits } from '../../../../src/worker/grammar/grammarLimits.js';
import { compileJsonSchema } from '../../../../src/worker/grammar/jsonSchema.js';
import { createTimeBudget } from '../../../../src/worker/grammar/timeBudget.js';
import { jsonSchemas } from '../../../support/jsonSchemas.js';
import { createStepClock } from './stepClock.js';

const milliseconds = 10;
const limits = { ...defaultGrammarLimits, milliseconds };
const tooLong = /takes longer than 10 ms to compile into a grammar; simplify/;

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function compileWith(schema: JsonSchema, now: () => number): void {
  const builder = createGrammarBuilder(limits, now);
  const compiled = compileJsonSchema(builder, schema, { strict: false });
  if (compiled.kind === 'compiled') builder.toGbnf(compiled.rule);
}

/** Each spends most of its time in another part of the compiler. */
const longOnes: readonly [where: string, schema: JsonSchema][] = [
  [
    'members',
    { type: 'object', properties: Object.fromEntries(many(2_000, (i) => [`p${i}`, { type: 'null' }])) },
  ],
  ['a long list', { enum: many(10_000, (i) => `value ${i}`) }],
  ['a list and its checks', { enum: many(3_000, (i) => i), anyOf: many(30, (i) => ({ const: i })) }],
  ['deep references', { type: 'array', items: { $ref: '#' }, allOf: many(10_000, () => ({ minItems: 1 })) }],
  ['names of schemas', { $defs: { a: many(30_000, () => 0) }, $ref: 'elsewhere' }],
  ['alternatives', { anyOf: many(2_000, (i) => ({ const: i })) }],
  ['pairs of alternatives', { oneOf: many(150, (i) => ({ type: 'integer', minimum: i, maximum: i })) }],
  ['a pattern', { type: 'string', pattern: '^(?:(?:a|b|ab){1,40}c){1,40}$' }],
  ['a class of a pattern', { type: 'string', pattern: `[${'\\w\\-'.repeat(20_000)}]` }],
  ['merging the states of a pattern', { type: 'string', pattern: `^(?:${'abcdefghij'.repeat(100)})*$` }],
  ['patterns together', { allOf: many(6, (i) => ({ type: 'string', pattern: `x${i}.*y` })) }],
  ['numbers', { anyOf: many(30, (i) => ({ type: 'number', minimum: i / 7, maximum: 99.5 + i })) }],
  [
    'combinations of members',
    {
      type: 'object',
      properties: Object.fromEntries(many(40, (index) => [`p${index}`, {}])),
      dependentRequired: Object.fromEntries(many(4, (index) => [`p${index}`, [`p${index + 20}`]])),
    },
  ],
];

describe('when the time is up, compiling ends at once', () => {
  it.each(longOnes)('in %s', (_where, schema) => {
    let looks = 0;
    compileWith(schema, () => (looks++, 0));
    expect(looks).toBeGreaterThan(20);
    for (let part = 1; part <= 10; part++) {
      const last = Math.max(1, Math.floor((looks * part) / 10) - 1);
      let looked = 0;
      expect(() => compileWith(schema, () => (looked++ < last ? 0 : milliseconds + 1))).toThrow(tooLong);
      expect(looked).toBe(last + 1);
    }
  });

  it('for good: no later part of the same grammar begins anew', () => {
    const clock = createStepClock(milliseconds);
    const builder = createGrammarBuilder(limits, clock.now);
    const values = many(2_000, (index) => `value ${index}`);
    const compileAll = (): void => {
      for (let minLength = 0; minLength < 100; minLength++) {
        compileJsonSchema(builder, { enum: values, minLength }, { strict: false });
      }
    };
    expect(compileAll).toThrow(tooLong);
    expect(clock.elapsed()).toBeLessThan(milliseconds + 1);
    expect(compileAll).toThrow(tooLong);
    expect(clock.elapsed()).toBeLessThan(milliseconds + 2);
  });
});

it('however long a busy machine keeps it waiting, a fifth of the work is done', () => {
  for (const { name, schema } of jsonSchemas) {
    const strict = {
      name,
      outcome: compileJsonSchema(createGrammarBuilder(), schema, { strict: true }).kind,
    };
    let now = 0;
    const builder = createGrammarBuilder(defaultGrammarLimits, () => (now += 1_000));
    expect({ name, outcome: compileJsonSchema(builder, schema, { strict: true }).kind }).toEqual(strict);
  }
});

describe('a budget', () => {
  it('does not look at the clock for each step', () => {
    let looks = 0;
    const budget = createTimeBudget(10, () => looks++);
    for (let step = 0; step < 6_000; step++) budget.spend(1);
    expect(looks).toBe(10);
    expect(() => many(10, () => budget.spend(500))).toThrow(GrammarTooLargeError);
  });

  it('does not count what is made once for all grammars', () => {
    let now = 0;
    const budget = createTimeBudget(10, () => now);
    expect(budget.exclude(() => (now += 1_000))).toBe(1_000);
    expect(() => budget.spend(2_000)).not.toThrow();
    now += 11;
    expect(() => budget.spend(2_000)).toThrow(GrammarTooLargeError);
  });
});

it.each(jsonSchemas)('a schema as clients send it takes a few milliseconds: $name', ({ schema }) => {
  const clock = createStepClock(15);
  const builder = createGrammarBuilder({ ...defaultGrammarLimits, milliseconds: 15 }, clock.now);
  const compiled = compileJsonSchema(builder, schema, { strict: false });
  if (compiled.kind === 'compiled') builder.toGbnf(compiled.rule);
});
