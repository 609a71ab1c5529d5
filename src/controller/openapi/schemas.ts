import { z } from 'zod';
import { ErrorBody } from '../../protocol/apiError.js';
import { referenceTo, referredName, type Schema } from './openApiDocument.js';
import type { OperationGroup } from './operation.js';

/** The body of every error, unless a group names another one. */
export const errorSchemaName = 'Error';

type NamedSchemas = Readonly<Record<string, Schema>>;

/**
 * The schemas of all groups as components. Those that a request reaches are shown as they may be sent, the others as
 * they are answered, which differs where zod fills in defaults.
 *
 * @throws where two groups give one name to two schemas, or zod knows no JSON Schema for one.
 */
export function toComponentSchemas(groups: readonly OperationGroup[]): NamedSchemas {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of collectSchemas(groups)) registry.add(schema, { id });
  const sent = convert(registry, 'input');
  const answered = convert(registry, 'output');
  const reached = reach(sent, groups.flatMap(requestNames));
  return Object.fromEntries(
    Object.keys(answered)
      .sort()
      .map((name) => [name, (reached.has(name) ? sent : answered)[name] as Schema]),
  );
}

/** The properties of an object of parameters. */
export function toParameterSchemas(parameters: z.ZodObject): {
  properties: NamedSchemas;
  required: ReadonlySet<string>;
} {
  const { properties = {}, required = [] } = z.toJSONSchema(parameters, {
    io: 'input',
    override: tidy,
  });
  return { properties: properties as NamedSchemas, required: new Set(required) };
}

function collectSchemas(groups: readonly OperationGroup[]): Map<string, z.ZodType> {
  const named = new Map<string, z.ZodType>([[errorSchemaName, ErrorBody]]);
  for (const [name, schema] of groups.flatMap(({ schemas }) => Object.entries(schemas))) {
    if ((named.get(name) ?? schema) !== schema) throw new Error(`Two schemas are called ${name}.`);
    named.set(name, schema);
  }
  return named;
}

function convert(registry: z.core.$ZodRegistry<{ id: string }>, io: 'input' | 'output'): NamedSchemas {
  const uri = (name: string) => referenceTo(name).$ref;
  const override = io === 'input' ? tidy : tidyAnswer;
  const { schemas } = z.toJSONSchema(registry, { io, uri, override });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [name, schema]),
  );
}

interface Converted {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: Schema;
}

/**
 * Takes out what zod adds and no reader needs: the bounds of JavaScript's integers, and that an object has no further
 * fields, which holds today and is no promise. A request may say that it refuses further fields.
 */
function tidy({ zodSchema, jsonSchema }: Converted): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall?._zod.def.type !== 'never')
    delete jsonSchema.additionalProperties;
}

function tidyAnswer(converted: Converted): void {
  tidy(converted);
  if (converted.zodSchema._zod.def.type === 'object') delete converted.jsonSchema.additionalProperties;
}

function requestNames({ operations }: OperationGroup): string[] {
  return operations.flatMap(({ request }) => (request ? Object.values(request) : []));
}

/** `names`, and whatever they refer to. */
function reach(schemas: NamedSchemas, names: readonly string[]): ReadonlySet<string> {
  const reached = new Set(names);
  // A set gives out what is added while it is walked.
  for (const name of reached) {
    for (const reference of findReferences(schemas[name])) reached.add(referredName(reference));
  }
  return reached;
}

/** Every `$ref` inside a part of the document. */
export function findReferences(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : findReferences(inner),
  );
}
