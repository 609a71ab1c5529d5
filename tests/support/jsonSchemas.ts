import type { JsonSchema } from '../../src/protocol/generateRequest.js';

/** A schema as clients send them, and what becomes of it under strict. */
export interface SchemaCase {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly expect: 'enforced' | { readonly refused: string };
}

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0, maximum: 150 } },
  required: ['name', 'age'],
  additionalProperties: false,
};

function object(
  properties: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...more,
  };
}

function refused(name: string, refusedKeyword: string, schema: JsonSchema): SchemaCase {
  return { name, schema, expect: { refused: refusedKeyword } };
}

function enforced(name: string, schema: JsonSchema): SchemaCase {
  return { name, schema, expect: 'enforced' };
}

/** Realistic schemas for every keyword: for the compiler's tests and for generation with a model. */
export const jsonSchemas: readonly SchemaCase[] = [
  enforced('a person, as OpenAI strict writes it', person),
  enforced('optional members in any subset', {
    type: 'object',
    properties: {
      city: { type: 'string', description: 'City name' },
      country: { type: 'string', maxLength: 40 },
      zip: { type: 'string', pattern: '^\\d{5}(-\\d{4})?$' },
      verified: { type: 'boolean', default: false },
    },
    required: ['city'],
    additionalProperties: false,
  }),
  enforced('the arguments of a weather tool', {
    type: 'object',
    properties: {
      location: { type: 'string', description: 'City and country, e.g. Bogotá, Colombia' },
      unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
    },
    required: ['location'],
    additionalProperties: false,
  }),
  enforced(
    'a calendar event',
    object({
      title: { type: 'string', minLength: 1, maxLength: 80 },
      date: { type: 'string', format: 'date' },
      attendees: { type: 'array', items: { type: 'string', format: 'email' }, minItems: 1, maxItems: 5 },
    }),
  ),
  enforced(
    'steps of a solution',
    object({
      steps: {
        type: 'array',
        items: object({
          explanation: { type: 'string', maxLength: 200 },
          output: { type: 'string', maxLength: 100 },
        }),
        maxItems: 6,
      },
      final_answer: { type: 'string', maxLength: 100 },
    }),
  ),
  enforced(
    'a deeply nested invoice',
    object({
      number: { type: 'string', pattern: '^INV-[0-9]{4}-[A-Z]{2}$' },
      customer: object({
        name: { type: 'string', maxLength: 60 },
        address: object({
          street: { type: 'string', maxLength: 60 },
          country: { type: 'string', pattern: '^[A-Z]{2}$' },
        }),
      }),
      lines: {
        type: 'array',
        minItems: 1,
        maxItems: 4,
        items: object({
          sku: { type: 'string', maxLength: 20 },
          quantity: { type: 'integer', minimum: 1, maximum: 99 },
          price: { type: 'number', minimum: 0, multipleOf: 0.01 },
        }),
      },
      paid: { type: 'boolean' },
    }),
  ),
  enforced(
    'a type array',
    object({ note: { type: ['string', 'null'], maxLength: 50 }, score: { type: ['integer', 'null'] } }),
  ),
  enforced(
    'a nullable type, as in OpenAPI 3.0',
    object({ nickname: { type: 'string', nullable: true, maxLength: 30 } }),
  ),
  enforced('an optional value, as pydantic writes it', {
    type: 'object',
    title: 'Item',
    properties: {
      name: { title: 'Name', type: 'string', maxLength: 40 },
      price: { anyOf: [{ type: 'number' }, { type: 'null' }], default: null, title: 'Price' },
    },
    required: ['name'],
    additionalProperties: false,
  }),
  enforced('a const', object({ kind: { const: 'ping' }, version: { const: 2 } })),
  enforced(
    'an enum of mixed types',
    object({ value: { enum: ['auto', 0, 1.5, true, null, { mode: 'x' }, [1, 2]] } }),
  ),
  enforced('an enum narrowed by other keywords', {
    type: ['string', 'integer'],
    enum: ['a', 'abc', 3, 30, null],
    minLength: 2,
    maximum: 10,
  }),
  enforced('an enum with quotes, newlines and emoji', {
    enum: ['say "hi"', 'two\nlines', '🙂', 'back\\slash', 'ümlaut'],
  }),
  enforced('an array of an enum', {
    type: 'array',
    items: { enum: ['red', 'green', 'blue'] },
    minItems: 1,
    maxItems: 3,
  }),
  enforced('a tuple', {
    type: 'array',
    prefixItems: [{ type: 'string', maxLength: 20 }, { type: 'number' }],
    items: false,
    minItems: 2,
  }),
  enforced('a tuple of an older draft', {
    type: 'array',
    items: [{ type: 'integer' }, { type: 'boolean' }],
    additionalItems: false,
    minItems: 1,
  }),
  enforced('a tuple with a typed rest', {
    type: 'array',
    prefixItems: [{ const: 'sum' }],
    items: { type: 'integer' },
    minItems: 2,
    maxItems: 5,
  }),
  enforced('a matrix', {
    type: 'array',
    minItems: 2,
    maxItems: 2,
    items: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'number', minimum: -1, maximum: 1 } },
  }),
  enforced('anyOf of objects', {
    anyOf: [object({ text: { type: 'string', maxLength: 50 } }), object({ code: { type: 'integer' } })],
  }),
  enforced('anyOf beside properties', {
    type: 'object',
    properties: {
      email: { type: 'string', format: 'email' },
      phone: { type: 'string', pattern: '^\\+[0-9]{7,15}$' },
    },
    anyOf: [{ required: ['email'] }, { required: ['phone'] }],
    additionalProperties: false,
  }),
  enforced('oneOf with a discriminator', {
    oneOf: [
      object({ type: { const: 'circle' }, radius: { type: 'number', exclusiveMinimum: 0 } }),
      object({ type: { const: 'square' }, side: { type: 'number', exclusiveMinimum: 0 } }),
    ],
  }),
  enforced('oneOf by type', {
    oneOf: [{ type: 'string', maxLength: 30 }, { type: 'integer' }, { type: 'null' }],
  }),
  enforced('oneOf by required members', {
    oneOf: [object({ ok: { type: 'boolean' } }), object({ error: { type: 'string', maxLength: 50 } })],
  }),
  enforced('oneOf by bounds', {
    oneOf: [
      { type: 'integer', maximum: -1 },
      { type: 'integer', minimum: 1 },
    ],
  }),
  enforced('allOf that adds members', {
    allOf: [
      { type: 'object', properties: { id: { type: 'integer', minimum: 1 } }, required: ['id'] },
      { type: 'object', properties: { name: { type: 'string', maxLength: 20 } }, required: ['name'] },
      { properties: { id: { maximum: 1000 } }, maxProperties: 2 },
    ],
  }),
  enforced('a $ref into $defs', {
    $defs: { person },
    type: 'object',
    properties: {
      author: { $ref: '#/$defs/person' },
      reviewer: { $ref: '#/$defs/person', description: 'Optional' },
    },
    required: ['author'],
    additionalProperties: false,
  }),
  enforced('a $ref into definitions', {
    definitions: { level: { type: 'string', enum: ['low', 'high'] } },
    type: 'object',
    properties: { risk: { $ref: '#/definitions/level' } },
    required: ['risk'],
    additionalProperties: false,
  }),
  enforced('a $ref to an anchor', {
    $defs: { point: { $anchor: 'point', ...object({ x: { type: 'integer' }, y: { type: 'integer' } }) } },
    type: 'array',
    items: { $ref: '#point' },
    minItems: 1,
    maxItems: 2,
  }),
  enforced('a linked list', {
    $defs: {
      node: object({
        value: { type: 'integer' },
        next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
      }),
    },
    ...object({ head: { $ref: '#/$defs/node' } }),
  }),
  enforced(
    'a tree of the root',
    object({
      tag: { type: 'string', enum: ['div', 'p'] },
      children: { type: 'array', items: { $ref: '#' }, maxItems: 2 },
    }),
  ),
  enforced('a user interface of several recursive parts', {
    $defs: {
      leaf: object({ kind: { const: 'text' }, text: { type: 'string', maxLength: 20 } }),
      box: object({
        kind: { const: 'box' },
        items: { type: 'array', items: { $ref: '#/$defs/part' }, maxItems: 2 },
      }),
      part: { oneOf: [{ $ref: '#/$defs/leaf' }, { $ref: '#/$defs/box' }] },
    },
    $ref: '#/$defs/part',
  }),
  enforced(
    'an anchored pattern',
    object({ plate: { type: 'string', pattern: '^[A-Z]{1,3}-[A-Z]{1,2} [1-9]\\d{0,3}$' } }),
  ),
  enforced('a pattern that only has to occur', { type: 'string', pattern: 'cat|dog', maxLength: 20 }),
  enforced('a pattern with escapes', { type: 'string', pattern: '^"[^"\\\\]{1,5}"$' }),
  enforced('a pattern with word boundaries', { type: 'string', pattern: '^\\w+\\b \\bok$' }),
  enforced('a semantic version', {
    type: 'string',
    pattern: '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)$',
    maxLength: 12,
  }),
  enforced('lengths in code points', { type: 'string', minLength: 3, maxLength: 6 }),
  enforced('a very long text', { type: 'string', maxLength: 100_000 }),
  enforced(
    'dates and times',
    object({
      day: { type: 'string', format: 'date' },
      at: { type: 'string', format: 'time' },
      stamp: { type: 'string', format: 'date-time' },
      lasts: { type: 'string', format: 'duration' },
    }),
  ),
  enforced(
    'identifiers',
    object({
      id: { type: 'string', format: 'uuid' },
      contact: { type: 'string', format: 'email' },
      pointer: { type: 'string', format: 'json-pointer' },
    }),
  ),
  enforced(
    'network addresses',
    object({
      v4: { type: 'string', format: 'ipv4' },
      v6: { type: 'string', format: 'ipv6' },
      host: { type: 'string', format: 'hostname' },
      link: { type: 'string', format: 'uri' },
    }),
  ),
  enforced(
    'integers within bounds',
    object({
      percent: { type: 'integer', minimum: 0, maximum: 100 },
      below: { type: 'integer', exclusiveMaximum: 0, minimum: -50 },
    }),
  ),
  enforced(
    'decimals within bounds',
    object({
      probability: { type: 'number', minimum: 0, maximum: 1 },
      latitude: { type: 'number', minimum: -90, maximum: 90 },
      ratio: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.5 },
    }),
  ),
  enforced(
    'multiples',
    object({
      minutes: { type: 'integer', multipleOf: 15, minimum: 0, maximum: 240 },
      price: { type: 'number', multipleOf: 0.01, minimum: 0 },
      thousands: { type: 'integer', multipleOf: 1000 },
    }),
  ),
  enforced('a map of numbers', {
    type: 'object',
    additionalProperties: { type: 'integer' },
    minProperties: 1,
    maxProperties: 4,
  }),
  enforced('open members of any value', {
    type: 'object',
    properties: { id: { type: 'integer' } },
    required: ['id'],
    maxProperties: 3,
  }),
  enforced('patternProperties', {
    type: 'object',
    patternProperties: { '^x-': { type: 'string', maxLength: 10 }, '^n[0-9]$': { type: 'integer' } },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 3,
  }),
  enforced('propertyNames by pattern', {
    type: 'object',
    propertyNames: { pattern: '^[a-z]{1,8}$' },
    additionalProperties: { type: 'boolean' },
    maxProperties: 3,
  }),
  enforced('propertyNames by enum', {
    type: 'object',
    propertyNames: { enum: ['en', 'de', 'es'] },
    additionalProperties: { type: 'string', maxLength: 20 },
    minProperties: 1,
  }),
  enforced('dependentRequired', {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 20 },
      card: { type: 'string', pattern: '^\\d{4}$' },
      address: { type: 'string', maxLength: 20 },
    },
    required: ['name'],
    dependentRequired: { card: ['address'] },
    additionalProperties: false,
  }),
  enforced(
    'names that need quoting',
    object({
      'with "quotes"': { type: 'integer' },
      'line\nbreak': { type: 'boolean' },
      größe: { type: 'null' },
      '🙂': { const: 1 },
    }),
  ),
  enforced('any object', { type: 'object', maxProperties: 3 }),
  enforced('any value', true),
  enforced('annotations only', {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://example.com/any',
    title: 'Any',
    description: 'Anything',
    examples: [1],
    deprecated: true,
    readOnly: true,
    $comment: 'none',
  }),
  enforced('thirty optional members', {
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`field_${index}`, { type: 'integer' }]),
    ),
    additionalProperties: false,
  }),
  refused('not', 'not', { type: 'string', not: { pattern: 'x' } }),
  refused('if/then/else', 'if', {
    type: 'object',
    if: { required: ['a'] },
    then: { required: ['b'] },
    else: { required: ['c'] },
  }),
  refused('uniqueItems', 'uniqueItems', { type: 'array', items: { type: 'integer' }, uniqueItems: true }),
  refused('contains', 'contains', { type: 'array', contains: { type: 'string' } }),
  refused('unevaluatedProperties', 'unevaluatedProperties', {
    type: 'object',
    properties: { a: { type: 'string' } },
    unevaluatedProperties: false,
  }),
  refused('unevaluatedItems', 'unevaluatedItems', {
    type: 'array',
    prefixItems: [{ type: 'string' }],
    unevaluatedItems: false,
  }),
  refused('dependentSchemas', 'dependentSchemas', {
    type: 'object',
    dependentSchemas: { a: { required: ['b'] } },
  }),
  refused('oneOf whose branches overlap', 'oneOf', {
    oneOf: [
      { type: 'string', minLength: 1 },
      { type: 'string', maxLength: 5 },
    ],
  }),
  refused('lookahead', 'pattern', { type: 'string', pattern: '^(?=.*\\d).{8,}$' }),
  refused('a backreference', 'pattern', { type: 'string', pattern: '^(.)\\1$' }),
  refused('a pattern that explodes', 'pattern', { type: 'string', pattern: '^(a{1,1000}){1,1000}$' }),
  refused('an unknown format', 'format', { type: 'string', format: 'iban' }),
  refused('an unknown keyword', 'maxWords', { type: 'string', maxWords: 10 }),
  refused('a $ref to elsewhere', '$ref', { $ref: 'https://example.com/other.json' }),
  refused('a $ref to nothing', '$ref', { $ref: '#/$defs/missing' }),
  refused('a $ref to itself', '$ref', { $ref: '#' }),
  refused('recursion that cannot end', '$ref', object({ child: { $ref: '#' } })),
  refused('the false schema', 'false', false),
  refused('bounds that exclude everything', 'minimum', { type: 'integer', minimum: 5, maximum: 4 }),
  refused('lengths that exclude everything', 'minLength', { type: 'string', minLength: 5, maxLength: 4 }),
  refused('types that exclude each other', 'type', { allOf: [{ type: 'string' }, { type: 'integer' }] }),
  refused('a required member that is forbidden', 'false', {
    type: 'object',
    required: ['a'],
    additionalProperties: false,
  }),
  refused('many members of any name', 'minProperties', { type: 'object', minProperties: 3 }),
];
