import type { Schema } from '../openApiDocument.js';
import { html, type Html, type Part } from './html.js';
import { innerOf, renderType, variantsOf } from './schemaType.js';
import { renderLine } from './text.js';

/** A schema with all that it holds, down to the schemas that have a place of their own. */
export function renderSchema(schema: Schema): Part {
  const objects = objectsIn(schema);
  const isPlainObject = objects.length === 1 && objects[0] === schema;
  return [
    schema.description === undefined ? undefined : html`<p>${renderLine(schema.description)}</p>`,
    isPlainObject ? undefined : html`<p class="type">${renderType(schema)}</p>`,
    objects.map(renderFields),
  ];
}

export interface Field {
  readonly name: string;
  readonly isRequired: boolean;
  readonly description: string | undefined;
  readonly schema: Schema;
}

/** A field of an object, or a parameter of a request. */
export function renderField({ name, isRequired, description, schema }: Field): Html {
  return html`<dt>
      <code>${name}</code> <span class="type">${renderType(schema)}</span>
      ${isRequired ? html`<span class="required">required</span>` : undefined}
    </dt>
    <dd>
      ${description === undefined ? undefined : renderLine(description)}
      ${objectsIn(schema).map(
        (object) =>
          html`<details>
            <summary>${titleOf(object)}</summary>
            ${renderFields(object)}
          </details>`,
      )}
    </dd>`;
}

function renderFields({ properties = {}, required = [] }: Schema): Html {
  const fields = Object.entries(properties).map(([name, property]) => {
    const schema = property as Schema;
    return { name, isRequired: required.includes(name), description: schema.description, schema };
  });
  return html`<dl>${fields.map(renderField)}</dl>`;
}

/** The objects with fields that stand in a schema itself: behind unions and arrays, not behind references. */
function objectsIn(schema: Schema): Schema[] {
  if (schema.properties) return [schema];
  const inner = innerOf(schema);
  return [...(variantsOf(schema) ?? []), ...(inner ? [inner] : [])].flatMap(objectsIn);
}

/** Kinds of an object are told apart by their `type`. */
function titleOf({ properties }: Schema): Part {
  const { const: type } = (properties?.['type'] ?? {}) as Schema;
  return type === undefined ? 'Fields' : html`Fields of <code>${JSON.stringify(type)}</code>`;
}
