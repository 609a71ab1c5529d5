import type { ToolDefinition } from '../../protocol/generateRequest.js';
import { mapTexts } from './conversation.js';

/** A tool as OpenAI's API and most templates write it. */
export interface TemplateTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description: string; readonly parameters: unknown };
}

/** A tool for templates, its texts changed; templates expect a description and an object schema of all tools. */
export function toTemplateTool(
  { name, description, parameters }: ToolDefinition,
  change: (text: string) => string,
  describeAll: boolean,
): TemplateTool {
  const schema = typeof parameters === 'object' ? parameters : { type: 'object', properties: {} };
  const described = describeAll ? withDescriptions(schema) : schema;
  return {
    type: 'function',
    function: {
      name: change(name),
      description: change(description ?? ''),
      parameters: mapTexts(described, (text) => (schemaWords.has(text) ? text : change(text))),
    },
  };
}

/** Templates look for these, and they cannot do harm. */
const schemaWords: ReadonlySet<string> = new Set([
  ...[
    'type',
    'properties',
    'required',
    'description',
    'items',
    'enum',
    'const',
    'default',
    'title',
    'format',
  ],
  ...['additionalProperties', 'anyOf', 'oneOf', 'allOf', 'nullable', 'minimum', 'maximum', '$ref', '$defs'],
  ...['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'],
]);

/** A copy of a schema in which every property has a description, be it empty. */
function withDescriptions(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withDescriptions);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === 'properties' ? describeProperties(value) : withDescriptions(value),
    ]),
  );
}

function describeProperties(properties: unknown): unknown {
  if (typeof properties !== 'object' || properties === null) return properties;
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]: [string, unknown]) => [
      name,
      typeof schema === 'object' && schema !== null
        ? { description: '', ...(withDescriptions(schema) as object) }
        : schema,
    ]),
  );
}
