import fc from 'fast-check';

type Schema = Record<string, unknown>;

const names = ['a', 'b', 'ab', 'say "x"', 'é'];
const name = fc.constantFrom(...names);
const scalar = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, '', 'a', 'ab', 'x"y', 'line\nend', 'é🙂', '2024-02-29'),
  fc.integer({ min: -20, max: 120 }),
  fc.integer({ min: -300, max: 300 }).map((value) => value / 100),
);

/** Any JSON value of some depth, of the names and texts that the schemas talk about. */
export const jsonValues: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.oneof(name, fc.constantFrom('c', 'x1')), tie('value'), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    },
  ),
})).value;

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

/** Without the keywords that were left out. */
function record(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Schema> {
  return fc
    .record(model)
    .map((schema) => Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined)));
}

const small = fc.nat({ max: 4 });
const strings = record({
  type: fc.constantFrom('string', ['string', 'null']),
  minLength: optional(fc.nat({ max: 2 })),
  maxLength: optional(fc.integer({ min: 1, max: 12 })),
  pattern: optional(
    fc.constantFrom(
      '^a',
      'b$',
      '^[a-z"]*$',
      'x|é',
      '^(ab?)+$',
      '\\d',
      '^\\S+$',
      '[^a]',
      '^.{1,3}$',
      '\\bend\\b',
      '^$|^a',
    ),
  ),
  format: fc.option(fc.constantFrom('date', 'ipv4', 'uuid', 'email', 'time'), {
    nil: undefined,
    freq: 8,
  }),
});
const bound = fc.oneof(
  fc.integer({ min: -30, max: 130 }),
  fc.integer({ min: -250, max: 250 }).map((value) => value / 100),
);
const numbers = record({
  type: fc.constantFrom('integer', 'number', ['number', 'null']),
  minimum: optional(bound),
  maximum: optional(bound),
  exclusiveMinimum: fc.option(bound, { nil: undefined, freq: 5 }),
  exclusiveMaximum: fc.option(bound, { nil: undefined, freq: 5 }),
  multipleOf: fc.option(fc.constantFrom(1, 2, 3, 7, 10, 0.5, 0.01, 0.25), { nil: undefined, freq: 4 }),
});

/** Schemas of the keywords that the compiler supports; not all can be satisfied. */
export const schemas: fc.Arbitrary<Schema> = fc
  .letrec<{ schema: Schema | boolean; plain: Schema }>((tie) => {
    const schema = tie('schema');
    const lists = fc.array(schema, { minLength: 1, maxLength: 2 });
    const arrays = record({
      type: fc.constant('array'),
      items: optional(schema),
      prefixItems: fc.option(lists, { nil: undefined, freq: 3 }),
      minItems: optional(fc.nat({ max: 2 })),
      maxItems: optional(small),
    });
    const objects = record({
      type: fc.constantFrom('object', ['object', 'null']),
      properties: fc.dictionary(name, schema, { maxKeys: 4, noNullPrototype: true }),
      required: optional(fc.uniqueArray(name, { maxLength: 2 })),
      additionalProperties: fc.oneof(
        { weight: 2, arbitrary: fc.constant<unknown>(false) },
        { weight: 1, arbitrary: fc.constant<unknown>(undefined) },
        schema,
      ),
      patternProperties: fc.option(
        fc.dictionary(fc.constantFrom('^a', '1$', '^..$'), schema, {
          minKeys: 1,
          maxKeys: 2,
          noNullPrototype: true,
        }),
        { nil: undefined, freq: 4 },
      ),
      propertyNames: fc.option(
        fc.constantFrom<Schema>({ pattern: '^[a-é]*$' }, { enum: ['a', 'c', 'é'] }, { maxLength: 2 }),
        { nil: undefined, freq: 6 },
      ),
      minProperties: fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 4 }),
      maxProperties: fc.option(small, { nil: undefined, freq: 4 }),
      dependentRequired: fc.option(
        fc.dictionary(name, fc.uniqueArray(name, { minLength: 1, maxLength: 2 }), {
          maxKeys: 2,
          noNullPrototype: true,
        }),
        {
          nil: undefined,
          freq: 5,
        },
      ),
    });
    return {
      plain: fc.oneof(
        { depthIdentifier: 'plain' },
        strings,
        numbers,
        fc.constantFrom<Schema>(
          { type: 'boolean' },
          { type: 'null' },
          {},
          { description: 'any' },
          { minLength: 1, minimum: 3, maxItems: 1 },
        ),
        record({
          enum: fc.array(jsonValues, { minLength: 1, maxLength: 4 }),
          type: optional(fc.constantFrom('string', 'number', ['string', 'object'])),
        }),
        record({ const: jsonValues.filter((value) => value !== undefined) }),
      ),
      schema: fc.oneof(
        { maxDepth: 3, depthIdentifier: 'schema' },
        { weight: 6, arbitrary: tie('plain') },
        { weight: 3, arbitrary: objects },
        { weight: 2, arbitrary: arrays },
        { weight: 1, arbitrary: record({ anyOf: lists, description: fc.constant('some') }) },
        {
          weight: 1,
          arbitrary: record({ allOf: lists, type: optional(fc.constantFrom('object', 'string', 'array')) }),
        },
        { weight: 1, arbitrary: record({ oneOf: lists }) },
        { weight: 1, arbitrary: fc.constantFrom<Schema>({ $ref: '#/$defs/one' }, { $ref: '#/$defs/two' }) },
        { weight: 1, arbitrary: fc.constantFrom<Schema | boolean>(true, false) },
      ),
    };
  })
  .schema.chain((root) =>
    fc
      .record({ one: schemasWithoutRefs, two: schemasWithoutRefs })
      .map(($defs) => ({ $defs, allOf: [root] })),
  );

const schemasWithoutRefs: fc.Arbitrary<Schema> = fc.oneof(
  strings,
  numbers,
  fc.constant<Schema>({
    type: 'object',
    properties: { a: { $ref: '#/$defs/two' }, b: { anyOf: [{ $ref: '#/$defs/one' }, { type: 'null' }] } },
    additionalProperties: false,
  }),
);
