import { Ajv, type ValidateFunction } from 'ajv';
import { discriminate } from './discriminate.js';
import { createTypeSchemas, type Schema } from './typeSchemas.js';

/** Judges answers by the types of an official client. */
export interface TypeJudge {
  /**
   * What is wrong with `value` as an answer of the type `name` (`ChatCompletion`, `Model`, …), one line each;
   * unknown properties are wrong, too.
   */
  violations(name: string, value: unknown): string[];
}

/**
 * By the name of a type, the properties that are judged by these schemas instead of the type's own, or by what becomes
 * of the type's own.
 */
export type Allowances = Readonly<Record<string, Record<string, Schema | ((own: Schema) => Schema)>>>;

export interface TypeJudgeOptions {
  readonly packageFolder: string;
  /** The `.d.ts` files that describe answers; a type is looked up in all of them, in this order. */
  readonly modules: readonly string[];
  readonly allowances: Allowances;
  /** By the name of a type, the properties that it has and no server sends. */
  readonly notSent?: Readonly<Record<string, readonly string[]>>;
  /** Answers that the package has no type for, made of those that it has. */
  readonly wrappers?: Readonly<Record<string, (schemaOf: (name: string) => Schema) => Schema>>;
}

export function createTypeJudge(options: TypeJudgeOptions): TypeJudge {
  const { packageFolder, modules, allowances, notSent = {}, wrappers = {} } = options;
  const types = createTypeSchemas(packageFolder, modules, ({ name, properties, required }) => {
    const ownOf = (property: string): Schema => {
      const own = properties[property];
      if (!own) throw new Error(`${name} has no ${property} to allow more for`);
      return own;
    };
    for (const [property, allowed] of Object.entries(allowances[name] ?? {}))
      properties[property] = typeof allowed === 'function' ? allowed(ownOf(property)) : allowed;
    for (const property of notSent[name] ?? []) {
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

/** An object with these properties and no others. */
export function toClosedObject(properties: Record<string, Schema>): Schema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
