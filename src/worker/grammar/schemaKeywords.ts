import { child, isSchema, type LocatedSchema } from './schemaRefs.js';
import { SchemaRefusedError } from './schemaReport.js';

/** A schema that is an object. */
export interface LocatedObject {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly path: string;
}

/** Keywords that say nothing about the value. */
export const annotations: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'examples',
  '$schema',
  '$id',
  '$comment',
  '$anchor',
  '$defs',
  'definitions',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

/** Keywords that are resolved before a schema's own assertions are looked at. */
export const applicators: ReadonlySet<string> = new Set(['$ref', 'allOf', 'anyOf', 'oneOf']);

/** Assertions that a grammar can hold, at least in part. */
export const assertions: ReadonlySet<string> = new Set([
  'type',
  'nullable',
  'enum',
  'const',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'items',
  'prefixItems',
  'additionalItems',
  'minItems',
  'maxItems',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'dependentRequired',
]);

export function readNumber({ schema, path }: LocatedObject, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new SchemaRefusedError(keyword, path, 'it must be a number');
  }
  return value;
}

/** A whole number from 0 on. */
export function readCount(at: LocatedObject, keyword: string): number | undefined {
  const value = readNumber(at, keyword);
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value;
  throw new SchemaRefusedError(keyword, at.path, 'it must be a whole number, 0 or more');
}

/** The tightest of these lower limits; 0 without any. */
export function largestCount(schemas: readonly LocatedObject[], keyword: string): number {
  return schemas.reduce((most, located) => Math.max(most, readCount(located, keyword) ?? 0), 0);
}

/** The tightest of these upper limits; Infinity without any. */
export function smallestCount(schemas: readonly LocatedObject[], keyword: string): number {
  return schemas.reduce(
    (least, located) => Math.min(least, readCount(located, keyword) ?? Infinity),
    Infinity,
  );
}

export function readString({ schema, path }: LocatedObject, keyword: string): string | undefined {
  const value = schema[keyword];
  if (value === undefined || typeof value === 'string') return value;
  throw new SchemaRefusedError(keyword, path, 'it must be a string');
}

export function readStrings({ schema, path }: LocatedObject, keyword: string): readonly string[] {
  const value = schema[keyword] ?? [];
  if (isStrings(value)) return value;
  throw new SchemaRefusedError(keyword, path, 'it must be a list of strings');
}

export function readSchema({ schema, path }: LocatedObject, keyword: string): LocatedSchema | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  return located(value, keyword, child(path, keyword));
}

export function readSchemas({ schema, path }: LocatedObject, keyword: string): readonly LocatedSchema[] {
  const value = schema[keyword] ?? [];
  if (!Array.isArray(value)) throw new SchemaRefusedError(keyword, path, 'it must be a list of schemas');
  return value.map((item, index) => located(item, keyword, child(child(path, keyword), index)));
}

export function readSchemaMap(
  { schema, path }: LocatedObject,
  keyword: string,
): ReadonlyMap<string, LocatedSchema> {
  return new Map(
    Object.entries(readRecord({ schema, path }, keyword)).map(([name, value]) => [
      name,
      located(value, keyword, child(child(path, keyword), name)),
    ]),
  );
}

export function readStringsMap(at: LocatedObject, keyword: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(readRecord(at, keyword)).map(([name, value]) => {
      if (!isStrings(value)) throw new SchemaRefusedError(keyword, at.path, 'it must hold lists of strings');
      return [name, value];
    }),
  );
}

/** The values of `enum` or `const`, undefined where there is neither. */
export function readValues({ schema, path }: LocatedObject): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [schema['const']];
  const values = schema['enum'];
  if (values === undefined || Array.isArray(values)) return values;
  throw new SchemaRefusedError('enum', path, 'it must be a list of values');
}

function readRecord({ schema, path }: LocatedObject, keyword: string): object {
  const value = schema[keyword] ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw new SchemaRefusedError(keyword, path, 'it must be an object');
}

function located(value: unknown, keyword: string, path: string): LocatedSchema {
  if (isSchema(value)) return { schema: value, path };
  throw new SchemaRefusedError(keyword, path, 'a schema must be an object or a boolean');
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
