import type { Schema } from './typeSchemas.js';

/**
 * Names the property `type` as what tells the members of a union apart, wherever it does, so that a wrong value is
 * blamed on the member that was meant, and not on each of fifty.
 */
export function discriminate(root: Schema & { definitions: Record<string, Schema> }): Schema {
  const { definitions } = root;

  /** The value of `type` in the object that a member refers to. */
  function typeOf(member: Schema): unknown {
    if (typeof member['$ref'] !== 'string') return undefined;
    const key = member['$ref'].replace('#/definitions/', '');
    const object = definitions[key] as { properties: Record<string, Schema> } | undefined;
    return object?.properties['type']?.['const'];
  }

  function rewrite(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(rewrite);
    if (typeof value !== 'object' || value === null) return value;
    const schema = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, rewrite(part)]));
    const { anyOf, ...rest } = schema as { anyOf?: Schema[] };
    const types = (anyOf ?? []).map(typeOf);
    const areDistinct = types.every(Boolean) && new Set(types).size === types.length;
    if (types.length < 2 || !areDistinct) return schema;
    return {
      ...rest,
      type: 'object',
      discriminator: { propertyName: 'type' },
      required: ['type'],
      oneOf: anyOf,
    };
  }

  return rewrite(root) as Schema;
}
