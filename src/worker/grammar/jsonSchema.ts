import type { JsonSchema } from '../../protocol/generateRequest.js';
import { arrayRule } from './arrayRule.js';
import { createAutomatonMemo } from './automatonMemo.js';
import { createConjunctions, type Conjunction, type Never } from './conjunction.js';
import { areDisjoint } from './disjoint.js';
import { endlessRules } from './endlessRules.js';
import type { GrammarBuilder } from './grammarBuilder.js';
import { GrammarTooLargeError } from './grammarLimits.js';
import { anyBoolean, anyJsonValue } from './jsonText.js';
import { listRule } from './listRule.js';
import { numberRule } from './numberRule.js';
import { objectRule } from './objectRule.js';
import { objectShape, type ObjectShape } from './objectShape.js';
import { isNever, type SchemaCompiler, type ValueRule } from './schemaCompiler.js';
import { annotations, applicators, assertions, type LocatedObject } from './schemaKeywords.js';
import { createRefResolver, isSchema, type LocatedSchema } from './schemaRefs.js';
import { createSchemaReport, SchemaRefusedError, type SchemaReport } from './schemaReport.js';
import { stringRule } from './stringRule.js';
import { createValueCheck } from './valueCheck.js';
import { allowedTypes, listedValues, type JsonType } from './valueTypes.js';

export { anyJsonObject, anyJsonValue } from './jsonText.js';

export type CompiledSchema =
  | {
      readonly kind: 'compiled';
      readonly rule: string;
      /** keywords that are not enforced, as `path: keyword` (only without strict) */
      readonly loosened: readonly string[];
    }
  | { readonly kind: 'refused'; readonly keyword: string; readonly path: string; readonly message: string };

export interface CompileOptions {
  /** Refuse what cannot be enforced whole; otherwise enforce the rest and name what is loosened. */
  readonly strict: boolean;
  /** The value is an object, whether or not the schema says so, as the arguments of a tool are. */
  readonly object?: boolean;
}

/** Values within values; a schema nested deeper would end the stack of whoever reads it. */
const maxDepth = 500;
/** Schemas looked at, counting each combination of alternatives. */
const maxSteps = 20_000;

/**
 * Compiles a JSON Schema (draft 2020-12, and what older drafts call differently) to rules of the builder. Whatever the
 * rule generates, the schema allows. It leaves out members in another order than the schema's, needless whitespace and
 * escapes, and numbers of more than 15 digits.
 *
 * Throws GrammarTooLargeError where the grammar would become too large; the builder is of no use then.
 */
export function compileJsonSchema(
  builder: GrammarBuilder,
  schema: JsonSchema,
  options: CompileOptions,
): CompiledSchema {
  const report = createSchemaReport(options.strict);
  try {
    if (!isSchema(schema)) throw new SchemaRefusedError('schema', '#', 'it must be an object or a boolean');
    const root: LocatedSchema[] = [{ schema, path: '#' }];
    if (options.object === true) root.push({ schema: { type: 'object' }, path: '#' });
    const rule = createCompiler(builder, schema, report).compile(root);
    return { kind: 'compiled', rule, loosened: report.loosened() };
  } catch (error) {
    if (!(error instanceof SchemaRefusedError)) throw error;
    const { keyword, path, message } = error;
    return { kind: 'refused', keyword, path, message };
  }
}

function createCompiler(
  builder: GrammarBuilder,
  schema: JsonSchema,
  report: SchemaReport,
): { compile(root: readonly LocatedSchema[]): string } {
  const { budget } = builder;
  const resolve = createRefResolver(schema, budget);
  const conjunctions = createConjunctions(resolve, report, budget);
  const automata = createAutomatonMemo(budget);
  const check = createValueCheck(resolve, { report, automata, budget });
  const shapes = new WeakMap<readonly LocatedObject[], ObjectShape>();
  const members = new WeakMap<ObjectShape, Map<string, Conjunction>>();
  const done = new Map<string, string | Never>();
  /** Values that are being compiled, and the names of those that are already referred to. */
  const open = new Map<
    string,
    { hint: string; reserved: ReturnType<GrammarBuilder['reserve']> | undefined }
  >();
  /** What each recursive rule needs. */
  const needs = new Map<string, readonly (readonly string[])[]>();
  let isRecursive = false;
  let steps = 0;

  const compiler: SchemaCompiler = {
    builder,
    report,
    automata,
    budget,
    conjunction: conjunctions.all,
    choose: conjunctions.choose,
    shapeOf(schemas) {
      const shape = shapes.get(schemas) ?? objectShape(compiler, schemas);
      shapes.set(schemas, shape);
      return shape;
    },
    memberOf(shape, name) {
      const known = members.get(shape) ?? new Map<string, Conjunction>();
      members.set(shape, known);
      const member = known.get(name) ?? conjunctions.all(shape.schemasOf(name));
      known.set(name, member);
      return member;
    },
    value: (schemas, hint) => compileConjunction(conjunctions.all(schemas), hint),
    accepts: (schemas, value) => schemas.every((located) => check(value, located)),
    checkKeywords(schemas) {
      for (const located of schemas) {
        for (const [keyword, wanted] of Object.entries(located.schema)) {
          if (annotations.has(keyword) || applicators.has(keyword) || assertions.has(keyword)) continue;
          if (hasNoEffect(keyword, wanted, located.schema)) continue;
          report.cannotEnforce(keyword, located.path, 'it cannot be enforced by a grammar');
        }
      }
    },
  };

  function compileConjunction(conjunction: Conjunction, hint: string): string | Never {
    const { key, never, plain, choices } = conjunction;
    if (never !== undefined) return never;
    if (plain.length === 0 && choices.length === 0) return anyJsonValue(builder);
    const known = done.get(key);
    if (known !== undefined) return known;
    const opened = open.get(key);
    if (opened !== undefined) {
      isRecursive = true;
      opened.reserved ??= builder.reserve(opened.hint);
      return opened.reserved.name;
    }
    budget.spend(5);
    if (++steps > maxSteps || open.size > maxDepth) {
      throw new GrammarTooLargeError(
        `The schema is too complex: nested deeper than ${maxDepth}, or too many alternatives`,
      );
    }
    const entry: { hint: string; reserved: ReturnType<GrammarBuilder['reserve']> | undefined } = {
      hint,
      reserved: undefined,
    };
    open.set(key, entry);
    const ways = alternatives(conjunction);
    open.delete(key);
    const result = isNever(ways) ? ways : defined(entry.reserved, hint, ways);
    if (isNever(ways)) {
      entry.reserved?.define('"null"');
      if (entry.reserved !== undefined) needs.set(entry.reserved.name, []);
    }
    done.set(key, result);
    return result;
  }

  function defined(
    reserved: ReturnType<GrammarBuilder['reserve']> | undefined,
    hint: string,
    ways: readonly ValueRule[],
  ): string {
    const body = [...new Set(ways.map(({ gbnf }) => gbnf))].join(' | ');
    reserved?.define(body);
    const name = reserved?.name ?? (/^[A-Za-z0-9-]+$/.test(body) ? body : builder.rule(hint, body));
    if (name !== body)
      needs.set(
        name,
        ways.flatMap((way) => way.needs),
      );
    return name;
  }

  function alternatives(conjunction: Conjunction): readonly ValueRule[] | Never {
    const values = listedValues(conjunction.plain);
    if (values !== undefined) return listed(conjunction, values);
    const choice = conjunction.choices[0];
    if (choice === undefined) return byType(conjunction);
    const branches = choice.branches.map((branch) => conjunctions.choose(conjunction, choice, branch));
    if (choice.keyword === 'oneOf') checkDisjoint(branches, choice.path);
    const rules = branches.map((branch) => compileConjunction(branch, choice.keyword));
    const possible = rules.filter((rule): rule is string => !isNever(rule));
    if (possible.length > 0) return possible.map((rule) => ({ gbnf: rule, needs: [[rule]] }));
    return rules.find(isNever) ?? { keyword: choice.keyword, path: choice.path, why: 'it has no branches' };
  }

  function checkDisjoint(branches: readonly Conjunction[], path: string): void {
    const overlap = branches.some((one, index) =>
      branches.slice(index + 1).some((other) => {
        if (++steps > maxSteps)
          throw new GrammarTooLargeError('The schema is too complex: too many branches');
        return !areDisjoint(compiler, one, other);
      }),
    );
    if (overlap)
      report.cannotEnforce('oneOf', path, 'its branches may overlap: use anyOf, or a const that differs');
  }

  function listed({ plain, choices }: Conjunction, values: readonly unknown[]): readonly ValueRule[] | Never {
    const allowed = values.filter(
      (value) =>
        plain.every((located) => check(value, located)) &&
        choices.every(({ keyword, branches }) => {
          const fitting = branches.filter((branch) => check(value, branch)).length;
          return keyword === 'anyOf' ? fitting > 0 : fitting === 1;
        }),
    );
    const path = plain.find((located) => listedValues([located]) !== undefined)?.path ?? '#';
    if (allowed.length === 0) return { keyword: 'enum', path, why: 'none of the listed values is allowed' };
    const texts = allowed.map((value) => JSON.stringify(value));
    return [{ gbnf: listRule(builder, 'enum', texts), needs: [[]] }];
  }

  function byType({ plain }: Conjunction): readonly ValueRule[] | Never {
    compiler.checkKeywords(plain);
    const types = allowedTypes(plain);
    const results = Array.from(types, (type): ValueRule | Never => {
      if (type === 'object') return objectRule(compiler, plain);
      if (type === 'array') return arrayRule(compiler, plain);
      const rule = scalar(type);
      return isNever(rule) ? rule : { gbnf: rule, needs: [[]] };
    });
    function scalar(type: Exclude<JsonType, 'object' | 'array'>): string | Never {
      if (type === 'null') return '"null"';
      if (type === 'boolean') return anyBoolean(builder);
      return type === 'string'
        ? stringRule(compiler, plain)
        : numberRule(compiler, plain, type === 'integer');
    }
    const possible = results.filter((result): result is ValueRule => !isNever(result));
    if (possible.length > 0) return possible;
    return (
      results.find(isNever) ?? { keyword: 'type', path: plain.at(-1)?.path ?? '#', why: 'no type is left' }
    );
  }

  return {
    compile(root) {
      const rule = compileConjunction(conjunctions.all(root), 'value');
      if (isNever(rule))
        throw new SchemaRefusedError(rule.keyword, rule.path, `no value is possible: ${rule.why}`);
      if (isRecursive && endlessRules(needs, budget).size > 0) {
        throw new SchemaRefusedError('$ref', '#', 'no value is possible: it refers to itself without end');
      }
      return rule;
    },
  };
}

/** Keywords that the specification gives no effect with this value, or without their companion. */
function hasNoEffect(keyword: string, wanted: unknown, schema: Readonly<Record<string, unknown>>): boolean {
  if (keyword === 'uniqueItems') return wanted === false;
  if (keyword === 'unevaluatedProperties' || keyword === 'unevaluatedItems') return wanted === true;
  // `if` is reported for all three.
  if (keyword === 'then' || keyword === 'else') return true;
  if (keyword === 'minContains' || keyword === 'maxContains') return !Object.hasOwn(schema, 'contains');
  return keyword === 'dependentSchemas' && JSON.stringify(wanted) === '{}';
}
