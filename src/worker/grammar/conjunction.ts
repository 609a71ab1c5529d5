import { GrammarTooLargeError } from './grammarLimits.js';
import { annotations, applicators, readSchemas, readString, type LocatedObject } from './schemaKeywords.js';
import type { LocatedSchema, RefResolver } from './schemaRefs.js';
import { SchemaRefusedError, type SchemaReport } from './schemaReport.js';
import type { TimeBudget } from './timeBudget.js';

/** Alternatives that are still to be chosen from. */
export interface SchemaChoice {
  readonly keyword: 'anyOf' | 'oneOf';
  readonly path: string;
  readonly branches: readonly LocatedSchema[];
  /** Schemas that led here without reading anything: a branch that leads back to one of them never ends. */
  readonly within: ReadonlySet<object>;
}

/** Why no value satisfies a schema. */
export interface Never {
  readonly keyword: string;
  readonly path: string;
  readonly why: string;
}

/** Schemas that all hold for one value, with `$ref` and `allOf` resolved. */
export interface Conjunction {
  /** Equal for the same schemas of one document. */
  readonly key: string;
  /** Schemas with assertions of their own; their applicators are dealt with. */
  readonly plain: readonly LocatedObject[];
  readonly choices: readonly SchemaChoice[];
  /** A `false` schema is among them. */
  readonly never: Never | undefined;
}

export interface Conjunctions {
  all(schemas: readonly LocatedSchema[]): Conjunction;
  /** The same with a choice replaced by one of its branches. */
  choose(conjunction: Conjunction, choice: SchemaChoice, branch: LocatedSchema): Conjunction;
}

/** References and `allOf` within each other at one place. */
const maxDepth = 200;

export function createConjunctions(
  resolve: RefResolver,
  report: SchemaReport,
  budget: TimeBudget,
): Conjunctions {
  const ids = new Map<object, number>();
  function idOf(thing: object): number {
    const id = ids.get(thing) ?? ids.size;
    ids.set(thing, id);
    return id;
  }

  function add(
    start: Omit<Conjunction, 'key'>,
    schemas: readonly LocatedSchema[],
    within: ReadonlySet<object>,
  ): Conjunction {
    budget.spend(2 + (start.plain.length + start.choices.length) / 4);
    const plain = new Map(start.plain.map((located) => [located.schema as object, located]));
    const choices = new Map(start.choices.map((choice) => [choice.branches as object, choice]));
    const done = new Set<object>();
    let never = start.never;

    function visit(located: LocatedSchema, open: ReadonlySet<object>): void {
      const { schema, path } = located;
      budget.spend(1 + open.size / 16);
      if (schema === true) return;
      if (schema === false) {
        never ??= { keyword: 'false', path, why: 'the schema allows no value' };
        return;
      }
      if (open.has(schema)) throw new SchemaRefusedError('$ref', path, 'it refers to itself without end');
      if (done.has(schema)) return;
      done.add(schema);
      const at = { schema, path };
      if (open.size > maxDepth)
        throw new GrammarTooLargeError(`The schema nests more than ${maxDepth} references`);
      const inner = new Set([...open, schema]);
      if (Object.keys(schema).some((keyword) => !annotations.has(keyword) && !applicators.has(keyword))) {
        plain.set(schema, at);
      }
      const ref = readString(at, '$ref');
      if (ref !== undefined) {
        const target = resolve(ref);
        if (target !== undefined) visit(target, inner);
        else report.cannotEnforce('$ref', path, `${ref} is not in this document`);
      }
      for (const part of readSchemas(at, 'allOf')) visit(part, inner);
      for (const keyword of ['anyOf', 'oneOf'] as const) {
        if (schema[keyword] === undefined) continue;
        choices.set(schema[keyword] as object, {
          keyword,
          path,
          branches: readSchemas(at, keyword),
          within: inner,
        });
      }
    }

    for (const located of schemas) visit(located, within);
    const key = [[...plain.keys()], [...choices.keys()]]
      .map((things) =>
        things
          .map(idOf)
          .sort((a, b) => a - b)
          .join(),
      )
      .join('|');
    return {
      key: never === undefined ? key : `${key}|never`,
      plain: [...plain.values()],
      choices: [...choices.values()],
      never,
    };
  }

  return {
    all: (schemas) => add({ plain: [], choices: [], never: undefined }, schemas, new Set()),
    choose: (conjunction, choice, branch) =>
      add(
        { ...conjunction, choices: conjunction.choices.filter((other) => other !== choice) },
        [branch],
        choice.within,
      ),
  };
}
