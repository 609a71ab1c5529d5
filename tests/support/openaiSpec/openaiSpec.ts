import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { allowances, computedByTheClient } from './allowances.js';
import { discriminate } from './discriminate.js';
import { createTypeSchemas, type Schema } from './typeSchemas.js';

/** Judges answers by the official types of one `openai` package. */
export interface OpenAiSpec {
  /**
   * What is wrong with `value` as an answer of the type `name` (`ChatCompletion`, `Model`, …), one line each;
   * unknown properties are wrong, too.
   */
  violations(name: string, value: unknown): string[];
}

/** What the official document names and the types do not. */
const wrappers: Readonly<Record<string, (schemaOf: (name: string) => Schema) => Schema>> = {
  ListModelsResponse: (schemaOf) =>
    toClosedObject({ object: { const: 'list' }, data: { type: 'array', items: schemaOf('Model') } }),
  ErrorResponse: (schemaOf) => toClosedObject({ error: schemaOf('ErrorObject') }),
};

export function openOpenAiSpec(packageFolder = path.resolve('node_modules/openai')): OpenAiSpec {
  const types = createTypeSchemas(packageFolder, ({ name, properties, required }) => {
    Object.assign(properties, allowances[name]);
    for (const property of computedByTheClient[name] ?? []) {
      delete properties[property];
      required.splice(required.indexOf(property), 1);
    }
  });
  const validators = new Map<string, ValidateFunction>();

  function compile(name: string): ValidateFunction {
    const root = wrappers[name]?.(types.schemaOf) ?? types.schemaOf(name);
    const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, discriminator: true });
    return ajv.compile(discriminate({ ...root, definitions: types.definitions }));
  }

  return {
    violations(name, value) {
      const validate = validators.get(name) ?? compile(name);
      validators.set(name, validate);
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${name}${instancePath}: ${message} ${JSON.stringify(params)}`,
      );
    },
  };
}

function toClosedObject(properties: Record<string, Schema>): Schema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
