import { acceptsText, AutomatonTooLargeError, type Automaton } from './automaton.js';
import { toDecimal, toUnits } from './decimal.js';
import { formatAutomaton, numberFormat } from './formats.js';
import { GrammarTooLargeError } from './grammarLimits.js';
import { regexAutomaton } from './regexAutomaton.js';
import { RegexRefusedError } from './regexSyntax.js';
import { annotations, readSchemas, readStrings, readValues, type LocatedObject } from './schemaKeywords.js';
import { child, isSchema, type LocatedSchema, type RefResolver } from './schemaRefs.js';
import { SchemaRefusedError } from './schemaReport.js';
import { patternKey, type TextCompiler } from './stringRule.js';
import type { TimeBudget } from './timeBudget.js';
import { ownTypes, type JsonType } from './valueTypes.js';

type Check = (value: unknown, located: LocatedSchema) => boolean;

const maxDepth = 200;
/** Of a listed value. */
const maxValueDepth = 500;

/**
 * Whether a schema allows a value: for `enum` and `const`, whose values are all known, so that most other keywords next
 * to them can be enforced by leaving values out. Keywords it does not know are reported.
 */
export function createValueCheck(resolve: RefResolver, { report, automata, budget }: TextCompiler): Check {
  const listed = new Map<object, ReadonlySet<string>>();
  const located = new Map<unknown, readonly LocatedSchema[]>();
  const compiled = new Map<string, Automaton | undefined>();
  let depth = 0;
  const check: Check = (value, { schema, path }) => {
    budget.spend(0.2);
    if (typeof schema === 'boolean') return schema;
    if (++depth > maxDepth) throw new SchemaRefusedError('$ref', path, 'it refers to itself without end');
    try {
      return Object.keys(schema).every((keyword) => holds(keyword, value, { schema, path }));
    } finally {
      depth--;
    }
  };

  function inner(at: LocatedObject, keyword: string): LocatedSchema {
    const schema = at.schema[keyword];
    const path = child(at.path, keyword);
    if (isSchema(schema)) return { schema, path };
    throw new SchemaRefusedError(keyword, at.path, 'a schema must be an object or a boolean');
  }

  /** As texts, since a long list is asked for each of its values. */
  function listedValues(at: LocatedObject): ReadonlySet<string> {
    const known = listed.get(at.schema);
    if (known !== undefined) return known;
    const values = new Set(readValues(at)?.map((value) => canonical(value, budget)));
    listed.set(at.schema, values);
    return values;
  }

  /** Undefined where the pattern cannot be compiled; JavaScript's own engine could backtrack forever. */
  function patternHolds(pattern: string, value: string): boolean | undefined {
    if (!compiled.has(pattern)) compiled.set(pattern, tryCompile(pattern));
    const automaton = compiled.get(pattern);
    budget.spend(1 + value.length / 16);
    return automaton && acceptsText(automaton, value);
  }

  function tryCompile(pattern: string): Automaton | undefined {
    try {
      return automata.make(patternKey(pattern), () => regexAutomaton(pattern, budget));
    } catch (error) {
      if (error instanceof RegexRefusedError || error instanceof AutomatonTooLargeError) return undefined;
      throw error;
    }
  }

  /** As a long list asks for it again and again. */
  function branchesOf(at: LocatedObject, keyword: string): readonly LocatedSchema[] {
    const branches = located.get(at.schema[keyword]) ?? readSchemas(at, keyword);
    located.set(at.schema[keyword], branches);
    return branches;
  }

  function holds(keyword: string, value: unknown, at: LocatedObject): boolean {
    const wanted = at.schema[keyword];
    switch (keyword) {
      case 'type':
        return typesOf(value).some((type) => ownTypes(at)?.has(type));
      case 'enum':
      case 'const':
        return listedValues(at).has(canonical(value, budget));
      case '$ref': {
        const target = typeof wanted === 'string' ? resolve(wanted) : undefined;
        if (target === undefined)
          report.cannotEnforce('$ref', at.path, `${String(wanted)} is not in this document`);
        return target === undefined || check(value, target);
      }
      case 'allOf':
        return branchesOf(at, keyword).every((branch) => check(value, branch));
      case 'anyOf':
        return branchesOf(at, keyword).some((branch) => check(value, branch));
      case 'oneOf':
        return branchesOf(at, keyword).filter((branch) => check(value, branch)).length === 1;
      case 'not':
        return !check(value, inner(at, keyword));
      case 'nullable':
        return true;
    }
    if (annotations.has(keyword)) return true;
    if (typeof value === 'string') {
      const held =
        keyword === 'pattern'
          ? patternHolds(String(wanted), value)
          : textHolds(keyword, value, wanted, budget);
      if (held !== undefined) return held;
    }
    if (typeof value === 'number') {
      const held = numberHolds(keyword, value, wanted);
      if (held !== undefined) return held;
    }
    if (Array.isArray(value)) {
      if (keyword === 'items' && !Array.isArray(wanted)) {
        const first = readSchemas(at, 'prefixItems').length;
        return value.slice(first).every((item) => check(item, inner(at, keyword)));
      }
      if (keyword === 'prefixItems') {
        return branchesOf(at, keyword).every(
          (schema, index) => index >= value.length || check(value[index], schema),
        );
      }
      if (keyword === 'minItems') return value.length >= Number(wanted);
      if (keyword === 'maxItems') return value.length <= Number(wanted);
    }
    if (isRecord(value)) {
      if (keyword === 'properties') {
        return Object.entries(wanted as object).every(
          ([name, schema]) =>
            !Object.hasOwn(value, name) ||
            check(value[name], {
              schema: schema as LocatedSchema['schema'],
              path: child(child(at.path, keyword), name),
            }),
        );
      }
      if (keyword === 'required') return readStrings(at, keyword).every((name) => Object.hasOwn(value, name));
      if (keyword === 'additionalProperties' && at.schema['patternProperties'] === undefined) {
        const known = at.schema['properties'] ?? {};
        return Object.keys(value).every(
          (name) => Object.hasOwn(known, name) || check(value[name], inner(at, keyword)),
        );
      }
      if (keyword === 'minProperties') return Object.keys(value).length >= Number(wanted);
      if (keyword === 'maxProperties') return Object.keys(value).length <= Number(wanted);
    }
    if (!isAboutOtherType(keyword, value)) {
      report.cannotEnforce(keyword, at.path, 'it cannot be enforced beside "enum" or "const"');
    }
    return true;
  }
  return check;
}

/** Equal for values that are equal in JSON. */
function canonical(value: unknown, budget: TimeBudget, depth = 0): string {
  budget.spend(0.2);
  if (depth > maxValueDepth) {
    throw new GrammarTooLargeError(
      `The schema is too complex: a value is nested deeper than ${maxValueDepth}`,
    );
  }
  const inner = (part: unknown): string => canonical(part, budget, depth + 1);
  if (Array.isArray(value)) return `[${value.map(inner).join()}]`;
  // Alone it needs no end, and most lists are of strings.
  if (typeof value === 'string' && depth === 0) return `"${value}`;
  if (!isRecord(value)) return value === 0 ? '0' : JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${inner(value[name])}`).join()}}`;
}

function typesOf(value: unknown): readonly JsonType[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  if (typeof value === 'boolean') return ['boolean'];
  return [typeof value === 'string' ? 'string' : 'object'];
}

function textHolds(keyword: string, value: string, wanted: unknown, budget: TimeBudget): boolean | undefined {
  if (keyword === 'minLength') return Array.from(value).length >= Number(wanted);
  if (keyword === 'maxLength') return Array.from(value).length <= Number(wanted);
  if (keyword !== 'format') return undefined;
  const known = formatAutomaton(String(wanted), budget);
  if (known !== undefined) return known === 'any' || acceptsText(known, value);
  return numberFormat(String(wanted)) === undefined ? undefined : true;
}

function numberHolds(keyword: string, value: number, wanted: unknown): boolean | undefined {
  if (typeof wanted === 'string' && keyword === 'format') {
    const bounds = numberFormat(wanted);
    return bounds && value >= (bounds.minimum ?? -Infinity) && value <= (bounds.maximum ?? Infinity);
  }
  const limit = Number(wanted);
  if (keyword === 'minimum') return value >= limit;
  if (keyword === 'maximum') return value <= limit;
  if (keyword === 'exclusiveMinimum') return value > limit;
  if (keyword === 'exclusiveMaximum') return value < limit;
  if (keyword !== 'multipleOf') return undefined;
  const [number, factor] = [toDecimal(value), toDecimal(limit)];
  const digits = Math.max(number.fraction.length, factor.fraction.length);
  return (toUnits(number, digits) ?? 0n) % (toUnits(factor, digits) ?? 1n) === 0n;
}

const aboutTypes: ReadonlyMap<string, string> = new Map([
  ...['minLength', 'maxLength', 'pattern', 'format'].map((keyword) => [keyword, 'string'] as const),
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].map(
    (k) => [k, 'number'] as const,
  ),
  ...['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'].map(
    (k) => [k, 'array'] as const,
  ),
  ...['properties', 'required', 'additionalProperties', 'patternProperties', 'propertyNames'].map(
    (keyword) => [keyword, 'object'] as const,
  ),
  ...['minProperties', 'maxProperties', 'dependentRequired'].map((keyword) => [keyword, 'object'] as const),
]);

function isAboutOtherType(keyword: string, value: unknown): boolean {
  const type = aboutTypes.get(keyword);
  return type !== undefined && !(typesOf(value) as readonly string[]).includes(type);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
