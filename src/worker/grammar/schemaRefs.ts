import type { JsonSchema } from '../../protocol/generateRequest.js';
import type { TimeBudget } from './timeBudget.js';

/** A schema object and where it stands, as a JSON pointer that begins with `#`. */
export interface LocatedSchema {
  readonly schema: JsonSchema;
  readonly path: string;
}

/** Finds what a `$ref` refers to; undefined where it is not within the document. */
export type RefResolver = (ref: string) => LocatedSchema | undefined;

/** Places that hold schemas by name. */
const maxIndexedSchemas = 100_000;

/**
 * Resolves `#`, JSON pointers, `$anchor`s and `$id`s of one document. An `$id` within the document names its schema but
 * does not change what the pointers within it begin from.
 */
export function createRefResolver(root: JsonSchema, budget: TimeBudget): RefResolver {
  let index: ReadonlyMap<string, LocatedSchema> | undefined;
  // Few schemas refer to anything but pointers.
  const named = (name: string): LocatedSchema | undefined => (index ??= indexNames(root, budget)).get(name);

  return (ref) => {
    budget.spend(1 + ref.length / 20);
    if (ref === '#') return { schema: root, path: '#' };
    if (ref.startsWith('#/')) return pointedAt({ schema: root, path: '#' }, ref.slice(2));
    const direct = named(ref);
    if (direct !== undefined) return direct;
    const [id = '', fragment] = ref.split('#', 2);
    const base = named(id);
    if (base === undefined || fragment === undefined) return undefined;
    if (fragment === '') return base;
    return fragment.startsWith('/') ? pointedAt(base, fragment.slice(1)) : named(`#${fragment}`);
  };
}

/** Schemas by `$id`, and by anchor with a `#` before it. */
function indexNames(root: JsonSchema, budget: TimeBudget): ReadonlyMap<string, LocatedSchema> {
  const named = new Map<string, LocatedSchema>();
  const todo: { value: unknown; path: string }[] = [{ value: root, path: '#' }];
  for (const { value, path } of todo) {
    budget.spend(1);
    if (typeof value !== 'object' || value === null || todo.length > maxIndexedSchemas) continue;
    if (isSchema(value) && typeof value !== 'boolean') {
      for (const [keyword, prefix] of [
        ['$id', ''],
        ['$anchor', '#'],
        ['$dynamicAnchor', '#'],
      ] as const) {
        const name = value[keyword];
        if (typeof name === 'string' && !named.has(prefix + name)) {
          named.set(prefix + name, { schema: value, path });
        }
      }
    }
    for (const [key, inner] of Object.entries(value)) todo.push({ value: inner, path: child(path, key) });
  }
  return named;
}

/** The path of a member, escaped as a JSON pointer. */
export function child(path: string, key: string | number): string {
  if (typeof key === 'number' || !/[~/]/.test(key)) return `${path}/${key}`;
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A boolean or an object, which is all that a schema can be. */
export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

function pointedAt(from: LocatedSchema, pointer: string): LocatedSchema | undefined {
  let value: unknown = from.schema;
  let path = from.path;
  for (const part of pointer.split('/')) {
    const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
    path = child(path, key);
  }
  return isSchema(value) ? { schema: value, path } : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
