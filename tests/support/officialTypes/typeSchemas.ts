import path from 'node:path';
import ts from 'typescript';

/** A JSON Schema as it is built here. */
export type Schema = Record<string, unknown>;

/** What the official types say of one object, before it is closed: names of properties and their schemas. */
export interface ObjectShape {
  /** Qualified, as `ChatCompletionChunk.Choice.Delta`. */
  readonly name: string;
  readonly properties: Record<string, Schema>;
  readonly required: string[];
}

export interface TypeSchemas {
  /** A schema for an exported type such as `ChatCompletion`; what it refers to is in {@link definitions}. */
  schemaOf(name: string): Schema;
  /** Grows with each call of {@link schemaOf}. */
  readonly definitions: Record<string, Schema>;
}

/**
 * JSON Schemas of the types in these modules of an official client. Such types are generated from the document of the
 * API, so that they say what an answer has to hold: which properties there are, which of them are required, which may be
 * null, and which values an enumeration has. They do not tell an integer from a number.
 *
 * Objects are closed: `refine` may add what is allowed beyond the types before that happens.
 */
export function createTypeSchemas(
  packageFolder: string,
  modules: readonly string[],
  refine: (shape: ObjectShape) => void,
): TypeSchemas {
  const files = modules.map((file) => path.join(packageFolder, file));
  const program = ts.createProgram(files, {
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  });
  const checker = program.getTypeChecker();
  const definitions: Record<string, Schema> = {};
  const keys = new Map<ts.Type, string>();

  function findType(name: string): ts.Type {
    for (const file of files) {
      const source = program.getSourceFile(file);
      const module = source && checker.getSymbolAtLocation(source);
      const symbol = module && checker.getExportsOfModule(module).find((found) => found.name === name);
      if (symbol) return checker.getDeclaredTypeOfSymbol(resolveAlias(symbol));
    }
    throw new Error(`${packageFolder} has no type ${name}`);
  }

  function resolveAlias(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  }

  function toSchema(type: ts.Type): Schema {
    const { flags } = type;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === 'true' };
    if (flags & ts.TypeFlags.String) return { type: 'string' };
    if (flags & ts.TypeFlags.Number) return { type: 'number' };
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    if (type.isUnion()) return toUnion(type);
    // `string & {}` keeps the known values of an open enumeration visible to editors.
    if (type.isIntersection() && type.types.some((part) => part.flags & ts.TypeFlags.String))
      return { type: 'string' };
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      return { type: 'array', items: item ? toSchema(item) : {} };
    }
    if (flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) return toReference(type);
    throw new Error(`no schema for the type ${checker.typeToString(type)}`);
  }

  function toUnion(type: ts.UnionType): Schema {
    const parts = type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    const schemas = parts.map(toSchema);
    const constants = schemas.filter((schema) => 'const' in schema).map((schema) => schema['const']);
    const others = schemas.filter((schema) => !('const' in schema));
    const all = constants.length > 0 ? [{ enum: constants }, ...others] : others;
    return all.length === 1 ? (all[0] as Schema) : { anyOf: all };
  }

  /** Objects are definitions, since they refer to each other in circles. */
  function toReference(type: ts.Type): Schema {
    let key = keys.get(type);
    if (key === undefined) {
      // Names alone are not unique, and not all of their characters can stand in a reference.
      key = `${nameOf(type).replaceAll(/[^\w.]/g, '_')}.${keys.size}`;
      keys.set(type, key);
      definitions[key] = toObject(type);
    }
    return { $ref: `#/definitions/${key}` };
  }

  function toObject(type: ts.Type): Schema {
    const rest = checker.getIndexInfosOfType(type)[0];
    const shape: ObjectShape = { name: nameOf(type), properties: {}, required: [] };
    for (const property of checker.getPropertiesOfType(type)) {
      shape.properties[property.name] = toSchema(checker.getTypeOfSymbol(property));
      if (!(property.flags & ts.SymbolFlags.Optional)) shape.required.push(property.name);
    }
    refine(shape);
    const { properties, required } = shape;
    return { type: 'object', properties, required, additionalProperties: rest ? toSchema(rest.type) : false };
  }

  /** Without the module in front, which `getFullyQualifiedName` puts in quotes. */
  function nameOf(type: ts.Type): string {
    const symbol = type.aliasSymbol ?? type.symbol;
    return checker.getFullyQualifiedName(symbol).replace(/^".*"\./, '');
  }

  return { definitions, schemaOf: (name) => toSchema(findType(name)) };
}
