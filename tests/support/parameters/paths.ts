import { z } from 'zod';
import type { Schema, TypeSchemas } from '../officialTypes/typeSchemas.js';

/** What a request can have, as paths: `tools[].function.name`. */
export interface Paths {
  readonly all: ReadonlySet<string>;
  /** The values of `type` by the path of the object that has it, where they are limited. */
  readonly kinds: ReadonlyMap<string, ReadonlySet<unknown>>;
}

interface Visitor {
  property(path: string): void;
  /** Whether the properties of this object count. */
  object(path: string, kinds: readonly unknown[]): boolean;
  /** Whether what a property holds counts. */
  enters(path: string): boolean;
}

/** The paths that our schemas have together. */
export function pathsOfSchemas(schemas: readonly z.ZodType[]): Paths {
  const all = new Set<string>();
  const kinds = new Map<string, Set<unknown>>();
  for (const schema of schemas) {
    const json = z.toJSONSchema(schema, { io: 'input' }) as Schema;
    walk(json, (json['$defs'] ?? {}) as Record<string, Schema>, {
      property: (path) => all.add(path),
      object: (path, values) => {
        if (values.length > 0) kinds.set(path, new Set([...(kinds.get(path) ?? []), ...values]));
        return true;
      },
      enters: () => true,
    });
  }
  return { all, kinds };
}

/**
 * The paths that an official type has beside ours: inside of objects that ours have too, and of the kinds that ours
 * accept. Any other kind is refused by its `type`.
 */
export function pathsOfType(types: TypeSchemas, name: string, { all, kinds }: Paths): Set<string> {
  const found = new Set<string>();
  const inside = new Set(
    [...all].flatMap((path) => path.match(/^.*(?=\.[^.]*$)/)?.[0].replace(/\[\]$/, '') ?? []),
  );
  walk(types.schemaOf(name), types.definitions, {
    property: (path) => found.add(path),
    object: (path, values) => {
      const ours = kinds.get(path);
      return values.length === 0 || !ours || values.some((value) => ours.has(value));
    },
    enters: (path) => inside.has(path),
  });
  return found;
}

function walk(schema: Schema, definitions: Record<string, Schema>, visitor: Visitor): void {
  visit(schema, '', []);

  function visit(part: unknown, path: string, open: readonly unknown[]): void {
    if (typeof part !== 'object' || part === null) return;
    const { $ref, anyOf = [], oneOf = [], items, properties = {} } = part as Parts;
    if ($ref !== undefined && !open.includes($ref))
      visit(definitions[$ref.replace(/^#\/(definitions|\$defs)\//, '')], path, [...open, $ref]);
    for (const variant of [...anyOf, ...oneOf]) visit(variant, path, open);
    visit(items, `${path}[]`, open);
    if (!visitor.object(path, valuesOf(properties['type']))) return;
    for (const [name, property] of Object.entries(properties)) {
      const at = path === '' ? name : `${path}.${name}`;
      visitor.property(at);
      if (visitor.enters(at)) visit(property, at, open);
    }
  }
}

interface Parts {
  readonly $ref?: string;
  readonly anyOf?: readonly unknown[];
  readonly oneOf?: readonly unknown[];
  readonly items?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Of a schema that allows nothing else; null does not count. */
function valuesOf(schema: unknown): unknown[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const {
    const: value,
    enum: values = [],
    anyOf = [],
  } = schema as Schema & { enum?: unknown[]; anyOf?: unknown[] };
  return [...(value === undefined ? [] : [value]), ...values, ...anyOf.flatMap(valuesOf)];
}
