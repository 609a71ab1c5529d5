import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../../../src/protocol/generateRequest.js';
import { createGrammarBuilder } from '../../../../src/worker/grammar/grammarBuilder.js';
import { anyJsonObject, anyJsonValue, compileJsonSchema } from '../../../../src/worker/grammar/jsonSchema.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

/** The texts of these that the schema's grammar accepts. */
function accepted(
  schema: JsonSchema,
  texts: readonly string[],
  options = { strict: true },
): readonly string[] {
  const builder = createGrammarBuilder();
  const compiled = compileJsonSchema(builder, schema, options);
  if (compiled.kind === 'refused') throw new Error(compiled.message);
  const gbnf = builder.toGbnf(compiled.rule);
  return texts.filter((text) => llama.accepts(gbnf, text));
}

const closed = { type: 'object', additionalProperties: false };
const abc = { a: { type: 'integer' }, b: { type: 'integer' }, c: { type: 'integer' } };

const table: readonly [
  name: string,
  schema: JsonSchema,
  allowed: readonly string[],
  forbidden: readonly string[],
][] = [
  ['type', { type: 'integer' }, ['0', '-12'], ['1.5', '"1"', 'null', '01', '']],
  ['type of several', { type: ['boolean', 'null'] }, ['true', 'false', 'null'], ['0', '""']],
  ['nullable', { type: 'string', nullable: true }, ['"x"', 'null'], ['1']],
  ['no type', { minLength: 2 }, ['"ab"', '1', '[]', '{}', 'null'], ['"a"', '""']],
  ['enum', { enum: ['a', 'ab', 1, null] }, ['"a"', '"ab"', '1', 'null'], ['"b"', '"abc"', '2']],
  ['const', { const: { a: [1, 'x'] } }, ['{"a":[1,"x"]}'], ['{"a":[1]}', '1']],
  [
    'required and optional',
    { ...closed, properties: abc, required: ['b'] },
    ['{"b":1}', '{"a":1,"b":2}', '{"b":1,"c":2}', '{"a":1,"b":2,"c":3}'],
    ['{}', '{"a":1}', '{"b":1,"b":2}', '{"b":1,"d":2}'],
  ],
  [
    'additionalProperties: schema',
    { type: 'object', properties: { a: { type: 'null' } }, additionalProperties: { type: 'integer' } },
    ['{"a":null,"x":1}', '{"aa":1}', '{"":1}', '{}'],
    ['{"a":1}', '{"x":null}', '{"\\u0061":1}'],
  ],
  [
    'additionalProperties by default',
    { type: 'object', properties: { a: { type: 'null' } } },
    ['{"a":null,"x":{"y":[]}}'],
    ['{"a":1}'],
  ],
  ['a forbidden member', { type: 'object', properties: { a: false } }, ['{}', '{"b":1}'], ['{"a":1}']],
  [
    'patternProperties',
    {
      ...closed,
      properties: { ab: {} },
      patternProperties: { '^a': { type: 'integer' }, b$: { minimum: 5 } },
    },
    ['{"ab":5}', '{"ac":1}', '{"xb":5}', '{"axb":6}', '{"xb":"text"}'],
    ['{"ab":1}', '{"ac":"x"}', '{"xb":1}', '{"axb":1}', '{"z":1}'],
  ],
  ['propertyNames', { type: 'object', propertyNames: { maxLength: 2 } }, ['{"ab":1}', '{}'], ['{"abc":1}']],
  ['minProperties', { ...closed, properties: abc, minProperties: 2 }, ['{"a":1,"c":2}'], ['{}', '{"b":1}']],
  ['maxProperties', { ...closed, properties: abc, maxProperties: 1 }, ['{}', '{"b":1}'], ['{"a":1,"b":1}']],
  [
    'dependentRequired',
    { ...closed, properties: abc, dependentRequired: { a: ['c'] } },
    ['{}', '{"b":1}', '{"c":1}', '{"a":1,"c":1}'],
    ['{"a":1}', '{"a":1,"b":1}'],
  ],
  [
    'items',
    { type: 'array', items: { type: 'integer' } },
    ['[]', '[1]', '[1, 2]', '[\n  1,\n  2\n]'],
    ['["a"]', '[1,]', '[,1]'],
  ],
  [
    'minItems and maxItems',
    { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
    ['[1,2]', '[1,2,3]'],
    ['[1]', '[1,2,3,4]', '[]'],
  ],
  [
    'prefixItems',
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: { type: 'null' } },
    ['[]', '["a"]', '["a",1]', '["a",1,null,null]'],
    ['[1]', '["a","b"]', '["a",1,2]'],
  ],
  ['items: false', { type: 'array', prefixItems: [{}], items: false }, ['[]', '[1]'], ['[1,2]']],
  [
    'minLength and maxLength',
    { type: 'string', minLength: 2, maxLength: 3 },
    ['"ab"', '"🙂🙂🙂"', '"\\n\\""', '"\\ud83d\\ude42x"'],
    ['"a"', '"abcd"', '"🙂"', '"\\ud83d"'],
  ],
  ['pattern', { type: 'string', pattern: '^a+"?$' }, ['"aa"', '"a\\""'], ['"b"', '"a""']],
  ['pattern and length', { type: 'string', pattern: '^a+$', maxLength: 2 }, ['"a"', '"aa"'], ['"aaa"', '""']],
  ['format', { type: 'string', format: 'date' }, ['"2024-02-29"'], ['"2023-02-29"', '"2024-13-01"', '"x"']],
  [
    'bounds',
    { type: 'number', minimum: -1, exclusiveMaximum: 2.5 },
    ['-1', '0', '2.49', '2.499'],
    ['2.5', '-1.01', '3', '25'],
  ],
  ['multipleOf', { type: 'number', multipleOf: 0.25 }, ['0.25', '1', '-3.5', '2.50'], ['0.3', '0.255']],
  ['allOf', { allOf: [{ type: 'integer', minimum: 3 }, { maximum: 5 }] }, ['3', '5'], ['2', '6']],
  [
    'anyOf beside other keywords',
    { type: 'string', anyOf: [{ minLength: 3 }, { pattern: '^x' }] },
    ['"abc"', '"x"'],
    ['"ab"', '1'],
  ],
  ['oneOf', { oneOf: [{ const: 1 }, { type: 'string' }] }, ['1', '"a"'], ['2']],
  [
    '$ref beside other keywords',
    { $defs: { n: { type: 'integer' } }, $ref: '#/$defs/n', maximum: 5 },
    ['5'],
    ['6', '"a"'],
  ],
  [
    '$ref with an escaped pointer',
    { $defs: { 'a/b~c d': { type: 'null' } }, $ref: '#/$defs/a~1b~0c%20d' },
    ['null'],
    ['1'],
  ],
  ['recursion', { type: 'array', items: { $ref: '#' } }, ['[]', '[[],[[]]]'], ['[1]']],
  ['true', true, ['1', '{"a": [true, null, "x", -1.5e3]}'], ['', '{', 'nul']],
];

describe('each keyword is enforced', () => {
  it.each(table)('%s', (_name, schema, allowed, forbidden) => {
    expect(accepted(schema, [...allowed, ...forbidden])).toEqual(allowed);
  });
});

const unsupported: readonly [keyword: string, schema: JsonSchema, path: string, without: string][] = [
  ['not', { type: 'object', properties: { a: { not: { type: 'string' } } } }, '#/properties/a', '{"a":1}'],
  ['if', { if: { type: 'string' }, then: { minLength: 2 } }, '#', '"a"'],
  ['uniqueItems', { type: 'array', uniqueItems: true }, '#', '[1,1]'],
  ['contains', { type: 'array', items: { type: 'integer' }, contains: { const: 1 } }, '#', '[2]'],
  [
    'unevaluatedProperties',
    { allOf: [{ type: 'object', unevaluatedProperties: false }] },
    '#/allOf/0',
    '{"a":1}',
  ],
  ['unevaluatedItems', { type: 'array', unevaluatedItems: false }, '#', '[1]'],
  ['dependentSchemas', { type: 'object', dependentSchemas: { a: false } }, '#', '{"a":1}'],
  ['contentEncoding', { type: 'string', contentEncoding: 'base64' }, '#', '"?"'],
  ['format', { type: 'string', format: 'iban' }, '#', '"x"'],
  [
    'pattern',
    { $defs: { 'a/b': { type: 'string', pattern: '(?=x)' } }, $ref: '#/$defs/a~1b' },
    '#/$defs/a~1b',
    '"y"',
  ],
  ['oneOf', { oneOf: [{ type: 'string' }, { type: ['string', 'null'] }] }, '#', '"y"'],
  ['multipleOf', { type: 'integer', multipleOf: 99_991 }, '#', '1'],
  ['minProperties', { type: 'object', minProperties: 2 }, '#', '{}'],
  [
    'propertyNames',
    { type: 'object', propertyNames: { anyOf: [{ const: 'a' }, { pattern: 'b' }] } },
    '#',
    '{"c":1}',
  ],
  ['x-vendor', { type: 'array', items: { type: 'null', 'x-vendor': 1 } }, '#/items', '[null]'],
  ['$ref', { type: 'array', items: { $ref: 'other.json' } }, '#/items', '[1]'],
];

describe('what cannot be enforced is refused under strict, and named otherwise', () => {
  it.each(unsupported)('%s', (keyword, schema, path, without) => {
    const refused = compileJsonSchema(createGrammarBuilder(), schema, { strict: true });
    expect(refused).toMatchObject({ kind: 'refused', keyword, path });
    expect(refused.kind === 'refused' && refused.message).toContain(`${path}: ${keyword}: `);
    const loosened = compileJsonSchema(createGrammarBuilder(), schema, { strict: false });
    expect(loosened).toMatchObject({ kind: 'compiled', loosened: [`${path}: ${keyword}`] });
    expect(accepted(schema, [without], { strict: false })).toEqual([without]);
  });

  it.each<[string, JsonSchema]>([
    ['type', { type: 'text' }],
    ['minLength', { type: 'string', minLength: '3' }],
    ['required', { type: 'object', required: 'a' }],
    ['properties', { type: 'object', properties: [] }],
    ['items', { type: 'array', items: 3 }],
    ['anyOf', { anyOf: {} }],
    ['anyOf', { anyOf: [] }],
    ['enum', { enum: [] }],
    ['multipleOf', { multipleOf: 0 }],
  ])('a malformed %s is refused either way', (keyword, schema) => {
    for (const strict of [true, false]) {
      expect(compileJsonSchema(createGrammarBuilder(), schema, { strict })).toMatchObject({
        kind: 'refused',
        keyword,
      });
    }
  });
});

describe('any JSON', () => {
  it('is bounded in whitespace, so that a model cannot write spaces forever', () => {
    const builder = createGrammarBuilder();
    const gbnf = builder.toGbnf(anyJsonValue(builder));
    const texts = [
      '{"a": 1}',
      '{\n  "a": [\n    1,\n    2\n  ]\n}',
      '{}',
      '[ ]',
      '[1, 2]',
      '"\\u00e9é"',
      '1.5e-3',
    ];
    expect(texts.filter((text) => llama.accepts(gbnf, text))).toEqual(texts);
    const endless = [
      `{${' '.repeat(21)}}`,
      '{\n\n}',
      '[1  ,2]',
      '{"a":  1}',
      '1'.repeat(16),
      `0.${'1'.repeat(16)}`,
      ' 1',
      '1 ',
    ];
    expect(endless.filter((text) => llama.accepts(gbnf, text))).toEqual([]);
  });

  it('an object is an object', () => {
    const builder = createGrammarBuilder();
    const gbnf = builder.toGbnf(anyJsonObject(builder));
    expect(['{}', '{"a":{"b":null}}', '[]', '1'].filter((text) => llama.accepts(gbnf, text))).toEqual([
      '{}',
      '{"a":{"b":null}}',
    ]);
  });

  it('a schema can be held to objects, as the arguments of a tool are', () => {
    const schema = { properties: { a: { type: 'integer' } }, required: ['a'] };
    const builder = createGrammarBuilder();
    const compiled = compileJsonSchema(builder, schema, { strict: true, object: true });
    if (compiled.kind === 'refused') throw new Error(compiled.message);
    const gbnf = builder.toGbnf(compiled.rule);
    expect(['{"a":1}', '1', '[]', '{}'].filter((text) => llama.accepts(gbnf, text))).toEqual(['{"a":1}']);
  });
});
