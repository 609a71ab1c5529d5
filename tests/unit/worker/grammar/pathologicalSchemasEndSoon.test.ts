import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../../../src/protocol/generateRequest.js';
import { createGrammarBuilder, GrammarTooLargeError } from '../../../../src/worker/grammar/grammarBuilder.js';
import { defaultGrammarLimits } from '../../../../src/worker/grammar/grammarLimits.js';
import { compileJsonSchema } from '../../../../src/worker/grammar/jsonSchema.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';
import { createStepClock } from './stepClock.js';

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

function nested(depth: number, wrap: (inner: JsonSchema) => JsonSchema): JsonSchema {
  let schema: JsonSchema = { type: 'string' };
  for (let level = 0; level < depth; level++) schema = wrap(schema);
  return schema;
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const strings = (count: number): Record<string, JsonSchema> =>
  Object.fromEntries(many(count, (index) => [`property_${index}`, { type: 'string' }]));

function members(count: number, make: (index: number) => JsonSchema, prefix = 'p'): JsonSchema {
  const properties = Object.fromEntries(many(count, (index) => [prefix + String(index), make(index)]));
  return { type: 'object', properties, additionalProperties: count < 100 };
}

const tagged = (tag: number, count: number): JsonSchema => ({
  type: 'object',
  properties: { ...strings(count), kind: { const: `kind ${tag}` } },
  required: ['kind'],
});

/** A class of 3,000 single characters, none next to another. */
const manyRanges = `[${many(3_000, (index) => `\\u{${(0x4e00 + index * 3).toString(16)}}`).join('')}]`;

/** A keyword is what is refused; 'too large' the error; 'fits' a grammar that llama.cpp reads in no time. */
const cases: readonly [name: string, outcome: string, schema: JsonSchema][] = [
  ['10,000 values', 'fits', { enum: many(10_000, (index) => `value ${(index * 7919) % 104_729}`) }],
  [
    '10,000 random values',
    'fits',
    { enum: many(10_000, (index) => ((index * 2_654_435_761) % 2 ** 32).toString(36)) },
  ],
  ['long values', 'fits', { enum: many(100, (index) => 'x'.repeat(5_000) + String(index)) }],
  ['values that begin with each other', 'fits', { enum: many(500, (index) => 'a'.repeat(index)) }],
  ['depth 150', 'fits', nested(150, (a) => ({ type: 'object', properties: { a }, required: ['a'] }))],
  [
    'depth 1,000',
    'too large',
    nested(1_000, (a) => ({ type: 'object', properties: { a }, required: ['a'] })),
  ],
  ['depth 5,000 of arrays', 'too large', nested(5_000, (items) => ({ type: 'array', items }))],
  ['depth 1,000 of anyOf', 'too large', nested(1_000, (a) => ({ anyOf: [a, { type: 'null' }] }))],
  ['depth 5,000 of allOf', 'too large', nested(5_000, (a) => ({ allOf: [a] }))],
  ['a bomb of repetitions', 'pattern', { type: 'string', pattern: '(a{1,1000}){1,1000}' }],
  ['a bomb of states', 'pattern', { type: 'string', pattern: '(a|b)*a(a|b){30}$' }],
  ['backtracking', 'fits', { type: 'string', pattern: '^(x+x+)+y$' }],
  [
    'many bombs',
    'pattern',
    {
      type: 'object',
      properties: Object.fromEntries(
        many(200, (index) => [`p${index}`, { type: 'string', pattern: `a.{${index + 20}}$` }]),
      ),
    },
  ],
  ['$ref to the root alone', '$ref', { $ref: '#' }],
  [
    '$ref in a circle',
    '$ref',
    { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' },
  ],
  ['anyOf of itself', '$ref', { anyOf: [{ $ref: '#' }, { type: 'string' }] }],
  [
    'doubling references',
    'fits',
    {
      $defs: Object.fromEntries(
        many(60, (index) => [
          `d${index}`,
          index === 59 ? { type: 'string' } : { allOf: many(2, () => ({ $ref: `#/$defs/d${index + 1}` })) },
        ]),
      ),
      $ref: '#/$defs/d0',
    },
  ],
  [
    '300 definitions that refer to each other',
    'fits',
    {
      $defs: Object.fromEntries(
        many(300, (index) => [
          `d${index}`,
          {
            type: 'object',
            properties: {
              n: { $ref: `#/$defs/d${(index + 1) % 300}` },
              m: { $ref: `#/$defs/d${(index * 7) % 300}` },
            },
          },
        ]),
      ),
      $ref: '#/$defs/d0',
    },
  ],
  ['maxLength 100,000', 'fits', { type: 'string', maxLength: 100_000 }],
  ['maxLength of an int32', 'fits', { type: 'string', minLength: 10_000, maxLength: 2 ** 31 - 1 }],
  [
    'maxItems 100,000',
    'fits',
    { type: 'array', items: { type: 'integer' }, minItems: 3_000, maxItems: 100_000 },
  ],
  [
    '1,000 optional members',
    'fits',
    { type: 'object', properties: strings(1_000), additionalProperties: false },
  ],
  [
    '30,000 members',
    'too large',
    { type: 'object', properties: strings(30_000), additionalProperties: false },
  ],
  ['combinations of members', 'too large', { type: 'object', properties: strings(500), maxProperties: 250 }],
  [
    'combinations of alternatives',
    'too large',
    { allOf: many(20, (index) => ({ anyOf: [{ required: [`a${index}`] }, { required: [`b${index}`] }] })) },
  ],
  [
    '1,000 branches of oneOf',
    'too large',
    {
      oneOf: many(1_000, (index) => ({
        type: 'object',
        properties: { kind: { const: index } },
        required: ['kind'],
      })),
    },
  ],
  ['a factor of many digits', 'multipleOf', { type: 'integer', multipleOf: 123_457 }],
  ['bounds beyond 15 digits', 'minimum', { type: 'integer', minimum: 2 ** 53 }],
  [
    '1,500 bounded integers',
    'fits',
    members(1_500, (index) => ({ type: 'integer', minimum: 0, maximum: index })),
  ],
  [
    '1,500 enumerations',
    'fits',
    members(1_500, (index) => ({ enum: many(20, (value) => `v${index}_${value}`) })),
  ],
  ['1,500 optional members and others', 'fits', { type: 'object', properties: strings(1_500) }],
  [
    '1,500 required members that demand each other',
    'fits',
    {
      type: 'object',
      properties: strings(1_500),
      required: Object.keys(strings(1_500)),
      dependentRequired: Object.fromEntries(
        Object.keys(strings(1_500)).map((name, index, all) => [name, [all.at(index - 1)!]]),
      ),
    },
  ],
  [
    'one object in 3,000 parts',
    'fits',
    { allOf: many(3_000, (index) => members(1, () => ({ type: 'string' }), `part${index}_`)) },
  ],
  [
    'names from a list of 6,000',
    'fits',
    { type: 'object', properties: strings(3_000), propertyNames: { enum: Object.keys(strings(6_000)) } },
  ],
  [
    'names that look like numbered ones',
    'too large',
    {
      type: 'object',
      properties: Object.fromEntries([
        ...many(9_000, (index) => [`x-${index + 2}`, { type: 'string', maxLength: index + 1 }] as const),
        ['x', { type: 'string', maxLength: 70_000 }],
        ['x ', { type: 'string', maxLength: 70_001 }],
      ]),
    },
  ],
  ['60 objects told apart by a member', 'fits', { oneOf: many(60, (index) => tagged(index, 20)) }],
  [
    '100 patterns told apart',
    'fits',
    { oneOf: many(100, (index) => ({ type: 'string', pattern: `^p${index}-[a-z]{1,30}$` })) },
  ],
  [
    '10,000 values and a pattern',
    'fits',
    { enum: many(10_000, (index) => `v ${index}`), pattern: '^v \\d+$' },
  ],
  ['a value nested 3,000 times', 'too large', { const: nested(3_000, (inner) => [inner] as never) }],
  ['a literal of 3,500 characters', 'fits', { type: 'string', pattern: `^${'abcdefghij'.repeat(350)}$` }],
  [
    'thousands of ranges in a loop',
    'too large',
    { type: 'string', pattern: `^(?:${manyRanges}a|b){1,100}(${manyRanges}|c)*$` },
  ],
  ['huge and tiny bounds', 'fits', { type: 'number', minimum: -1e-300, maximum: 1e300 }],
  [
    'names of Object.prototype',
    'fits',
    JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"integer"},"constructor":{"type":"null"}},"required":["__proto__","toString"]}',
    ) as JsonSchema,
  ],
  [
    'lone surrogates',
    'fits',
    { type: 'object', properties: { '\ud800': { const: '\udc00x' } }, required: ['\ud800'] },
  ],
];

/** Whose parts may be left out one by one: the whole still has to end. */
const loosened: typeof cases = [
  [
    '300 patterns that explode',
    'too large',
    members(300, (i) => ({ type: 'string', pattern: `a.{${i + 20}}$` })),
  ],
  ['300 factors that explode', 'too large', members(300, (i) => ({ multipleOf: 99_991 + 2 * i }))],
  ['300 factors that nearly do', 'too large', members(300, (i) => ({ multipleOf: 201 + 2 * i }))],
  [
    'intersections that explode',
    'too large',
    { type: 'string', allOf: many(20, (index) => ({ pattern: `x${index}.*y` })) },
  ],
];

interface Outcome {
  readonly found: string;
  readonly gbnf: string | undefined;
}

function compile(schema: JsonSchema, strict: boolean, now?: () => number): Outcome {
  const builder = createGrammarBuilder(defaultGrammarLimits, now);
  try {
    const compiled = compileJsonSchema(builder, schema, { strict });
    if (compiled.kind === 'refused') return { found: compiled.keyword, gbnf: undefined };
    return { found: 'fits', gbnf: builder.toGbnf(compiled.rule) };
  } catch (error) {
    if (!(error instanceof GrammarTooLargeError)) throw error;
    return { found: 'too large', gbnf: undefined };
  }
}

describe('ends in a grammar or a refusal, whatever the load of the machine', () => {
  it.each(cases)('%s', (_name, outcome, schema) => {
    const { found, gbnf } = compile(schema, true, createStepClock(defaultGrammarLimits.milliseconds).now);
    expect(found).toBe(outcome);
    if (gbnf !== undefined) expect(llama.initMs(gbnf)).toBeLessThan(500);
  });
});

describe('keeps the event loop for no more than its time', () => {
  it.each([...cases, ...loosened])('%s', (_name, _outcome, schema) => {
    for (const strict of [true, false]) {
      const before = process.cpuUsage();
      compile(schema, strict);
      const { user, system } = process.cpuUsage(before);
      // 250 ms by its own clock, and what happens between two looks at it. Not by the clock on the wall: tests share theirs.
      expect((user + system) / 1_000).toBeLessThan(1_000);
    }
  });
});

describe('without strict, what explodes shares the time with the rest', () => {
  it.each(loosened)('%s', (_name, outcome, schema) => {
    const clock = createStepClock(defaultGrammarLimits.milliseconds);
    expect(compile(schema, false, clock.now).found).toBe(outcome);
    expect(clock.elapsed()).toBeLessThan(defaultGrammarLimits.milliseconds + 5);
  });

  it.each(['a.{30}$', '(a|b)*a(a|b){30}$', '^(?:(?:a|b|ab){1,40}c){1,40}$', 'abcdefghij'.repeat(350)])(
    'one pattern takes a part of the time: %s',
    (pattern) => {
      const clock = createStepClock(defaultGrammarLimits.milliseconds);
      const builder = createGrammarBuilder(defaultGrammarLimits, clock.now);
      const schema = { type: 'object', properties: { a: { type: 'string', pattern }, b: { minimum: 1 } } };
      const compiled = compileJsonSchema(builder, schema, { strict: false });
      expect(compiled).toMatchObject({ kind: 'compiled', loosened: ['#/properties/a: pattern'] });
      expect(clock.elapsed()).toBeLessThan(100);
    },
  );
});

it('keeps members with the names of Object.prototype apart', () => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"integer"}},"required":["__proto__"],"additionalProperties":false}',
  ) as JsonSchema;
  const builder = createGrammarBuilder();
  const compiled = compileJsonSchema(builder, schema, { strict: true });
  if (compiled.kind === 'refused') throw new Error(compiled.message);
  const gbnf = builder.toGbnf(compiled.rule);
  expect(llama.accepts(gbnf, '{"__proto__": 1}')).toBe(true);
  expect(llama.accepts(gbnf, '{"__proto__": "x"}')).toBe(false);
  expect(llama.accepts(gbnf, '{}')).toBe(false);
});

it('a grammar as large as is allowed is still read in a moment', () => {
  const builder = createGrammarBuilder(
    defaultGrammarLimits,
    createStepClock(defaultGrammarLimits.milliseconds).now,
  );
  const compiled = compileJsonSchema(
    builder,
    { type: 'object', properties: strings(7_800), additionalProperties: false },
    { strict: true },
  );
  if (compiled.kind === 'refused') throw new Error(compiled.message);
  const gbnf = builder.toGbnf(compiled.rule);
  expect(gbnf.length).toBeGreaterThan(900_000);
  expect(Math.min(...many(3, () => llama.initMs(gbnf)))).toBeLessThan(200);
});
