import { acceptsText, anyText, type Automaton } from './automaton.js';
import {
  largestCount,
  readSchema,
  readSchemaMap,
  readStrings,
  readStringsMap,
  smallestCount,
  type LocatedObject,
} from './schemaKeywords.js';
import { child, type LocatedSchema } from './schemaRefs.js';
import { patternAutomaton, type TextCompiler } from './stringRule.js';

/** What one schema says of the members of an object. */
interface MemberSchemas {
  readonly properties: ReadonlyMap<string, LocatedSchema>;
  readonly patterns: readonly NamePattern[];
  /** For names that are neither declared nor match a pattern; undefined: any value. */
  readonly additional: LocatedSchema | undefined;
}

export interface NamePattern {
  readonly automaton: Automaton;
  readonly schema: LocatedSchema;
}

/** What several schemas together say of an object. */
export interface ObjectShape {
  /** All names that a schema mentions, in the order of the schemas. */
  readonly names: readonly string[];
  readonly required: ReadonlySet<string>;
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;
  readonly minProperties: number;
  readonly maxProperties: number;
  readonly patterns: readonly NamePattern[];
  readonly propertyNames: readonly LocatedSchema[];
  /** Schemas for the value of a member with this name. */
  schemasOf(name: string): readonly LocatedSchema[];
  /** Schemas for names that are not mentioned and match exactly these patterns. */
  schemasOfOthers(matching: ReadonlySet<NamePattern>): readonly LocatedSchema[];
}

/** Reads the keywords about objects. */
export function objectShape(compiler: TextCompiler, schemas: readonly LocatedObject[]): ObjectShape {
  const { budget } = compiler;
  const members = schemas.map((located) => {
    const own = memberSchemas(compiler, located);
    budget.spend(1 + own.properties.size);
    return own;
  });
  /** Of all names, those schemas that mention it; and those that have a say in any. */
  const mentions = new Map<string, number[]>();
  const always: number[] = [];
  members.forEach(({ properties, patterns, additional }, index) => {
    if (patterns.length > 0 || additional !== undefined) always.push(index);
    else {
      for (const name of properties.keys()) {
        const known = mentions.get(name);
        if (known === undefined) mentions.set(name, [index]);
        else known.push(index);
      }
    }
  });
  const required = new Set(schemas.flatMap((located) => readStrings(located, 'required')));
  const dependentRequired = new Map<string, readonly string[]>();
  for (const located of schemas) {
    for (const [name, others] of readStringsMap(located, 'dependentRequired')) {
      if (others.length > 0) dependentRequired.set(name, [...(dependentRequired.get(name) ?? []), ...others]);
    }
  }
  return {
    names: [
      ...new Set([
        ...members.flatMap(({ properties }) => [...properties.keys()]),
        ...required,
        ...[...dependentRequired].flatMap(([name, others]) => [name, ...others]),
      ]),
    ],
    required,
    dependentRequired,
    minProperties: largestCount(schemas, 'minProperties'),
    maxProperties: smallestCount(schemas, 'maxProperties'),
    patterns: members.flatMap(({ patterns }) => patterns),
    propertyNames: schemas.flatMap((located) => readSchema(located, 'propertyNames') ?? []),
    schemasOf: (name) =>
      [...(mentions.get(name) ?? []), ...always]
        .sort((a, b) => a - b)
        .flatMap((index) => {
          const { properties, patterns, additional } = members[index]!;
          budget.spend(0.5 + patterns.length);
          const own = properties.get(name);
          const found = patterns
            .filter(({ automaton }) => acceptsText(automaton, name))
            .map(({ schema }) => schema);
          if (own !== undefined) found.unshift(own);
          return found.length > 0 || additional === undefined ? found : [additional];
        }),
    schemasOfOthers: (matching) =>
      members.flatMap(({ patterns, additional }) => {
        const found = patterns.filter((pattern) => matching.has(pattern)).map(({ schema }) => schema);
        return found.length > 0 || additional === undefined ? found : [additional];
      }),
  };
}

function memberSchemas(compiler: TextCompiler, located: LocatedObject): MemberSchemas {
  const patterns: NamePattern[] = [];
  const others = readSchema(located, 'additionalProperties');
  // `true` asks nothing of any name.
  let additional = others?.schema === true ? undefined : others;
  for (const [pattern, schema] of readSchemaMap(located, 'patternProperties')) {
    const path = child(located.path, 'patternProperties');
    const automaton = patternAutomaton(compiler, pattern, 'patternProperties', path);
    if (automaton !== undefined) patterns.push({ automaton, schema });
    else {
      // Which names are additional is not known then.
      patterns.push({ automaton: anyText, schema: { schema: true, path } });
      additional = undefined;
    }
  }
  return { properties: readSchemaMap(located, 'properties'), patterns, additional };
}
