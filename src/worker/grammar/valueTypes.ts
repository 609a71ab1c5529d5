import { readValues, type LocatedObject } from './schemaKeywords.js';
import { SchemaRefusedError } from './schemaReport.js';

/** The types of JSON Schema; an integer is a number, too. */
export const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** The types that all schemas allow, without `integer` where `number` is allowed. */
export function allowedTypes(schemas: readonly LocatedObject[]): ReadonlySet<JsonType> {
  let allowed = new Set<JsonType>(jsonTypes);
  for (const located of schemas) {
    const own = ownTypes(located);
    if (own === undefined) continue;
    if (own.has('number')) own.add('integer');
    allowed = new Set([...allowed].filter((type) => own.has(type)));
  }
  if (allowed.has('number')) allowed.delete('integer');
  return allowed;
}

/** The values that the first schema with `enum` or `const` names; undefined where there is none. */
export function listedValues(schemas: readonly LocatedObject[]): readonly unknown[] | undefined {
  for (const located of schemas) {
    const values = readValues(located);
    if (values !== undefined) return values;
  }
  return undefined;
}

/** The types that `type` names; undefined without it. */
export function ownTypes({ schema, path }: LocatedObject): Set<JsonType> | undefined {
  const { type, nullable } = schema;
  if (type === undefined) return undefined;
  const types: unknown[] = Array.isArray(type) ? type : [type];
  const unknownType = types.find((name) => !jsonTypes.some((known) => known === name));
  if (unknownType !== undefined) {
    throw new SchemaRefusedError('type', path, `${JSON.stringify(unknownType)} is not a type`);
  }
  return new Set([...(types as JsonType[]), ...(nullable === true ? (['null'] as const) : [])]);
}
