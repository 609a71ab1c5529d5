import { referredName, type Schema } from '../openApiDocument.js';
import { html, type Html, joinHtml, type Part } from './html.js';

/** What a value can be, on one line: `integer (1 to 128) or null`. */
export function renderType(schema: Schema): Part {
  if (schema.$ref !== undefined) return renderReference(schema.$ref);
  if (schema.const !== undefined) return renderValue(schema.const);
  if (schema.enum) return joinHtml(schema.enum.map(renderValue), ' | ');
  const variants = variantsOf(schema);
  if (variants) return joinHtml(variants.map(renderType), ' or ');
  if (Array.isArray(schema.type)) {
    return joinHtml(
      schema.type.map((type) => renderType({ ...schema, type })),
      ' or ',
    );
  }
  return [renderSimpleType(schema), renderLimits(schema)];
}

/** One of which a value is. */
export function variantsOf(schema: Schema): readonly Schema[] | undefined {
  return schema.anyOf ?? schema.oneOf;
}

/** What the items of an array, or the values of a record, have to be; undefined where they can be anything. */
export function innerOf(schema: Schema): Schema | undefined {
  const inner = schema.type === 'array' ? schema.items : schema.additionalProperties;
  return typeof inner === 'object' && Object.keys(inner).length > 0 ? (inner as Schema) : undefined;
}

function renderSimpleType(schema: Schema): Part {
  const inner = innerOf(schema);
  if (schema.type === 'array') return ['array', inner && [' of ', renderType(inner)]];
  if (schema.type === 'object' && inner) return ['object of ', renderType(inner)];
  return schema.type ?? 'anything';
}

function renderReference(reference: string): Html {
  const name = referredName(reference);
  return html`<a href="#${schemaAnchor(name)}">${name}</a>`;
}

/** Where the page shows a schema. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`;
}

function renderValue(value: unknown): Html {
  return html`<code>${JSON.stringify(value)}</code>`;
}

function renderLimits(schema: Schema): Part {
  const limits = [
    range(schema.minimum, schema.maximum),
    schema.exclusiveMinimum !== undefined && `more than ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum !== undefined && `less than ${schema.exclusiveMaximum}`,
    range(schema.minLength, schema.maxLength, 'characters'),
    range(schema.minItems, schema.maxItems, 'items'),
    schema.pattern !== undefined && `matches ${schema.pattern}`,
    schema.format,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
  ].filter((limit) => typeof limit === 'string');
  return limits.length === 0 ? undefined : ` (${limits.join(', ')})`;
}

function range(min: number | undefined, max: number | undefined, unit?: string): string | undefined {
  const suffix = unit === undefined ? '' : ` ${unit}`;
  if (min !== undefined && max !== undefined) return `${min} to ${max}${suffix}`;
  if (min !== undefined) return `${min} or more${suffix}`;
  return max === undefined ? undefined : `up to ${max}${suffix}`;
}
