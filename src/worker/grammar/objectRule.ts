import { acceptsText, type Automaton } from './automaton.js';
import type { Never } from './conjunction.js';
import { literal } from './grammarBuilder.js';
import { whitespace } from './jsonText.js';
import { createMemberOrder, type MemberStage } from './memberOrder.js';
import type { ObjectShape } from './objectShape.js';
import { otherMember } from './otherMembers.js';
import { repetition } from './repetition.js';
import { isNever, type SchemaCompiler, type ValueRule } from './schemaCompiler.js';
import { listedValues } from './valueTypes.js';
import type { LocatedObject } from './schemaKeywords.js';
import { stringAutomaton } from './stringRule.js';

/**
 * An object that all these schemas allow: mentioned members in the order of the schema, each at most once, then others.
 */
export function objectRule(compiler: SchemaCompiler, schemas: readonly LocatedObject[]): ValueRule | Never {
  const { builder, report, budget } = compiler;
  const path = schemas[0]?.path ?? '#';
  const read = compiler.shapeOf(schemas);
  const { names: allowedNames, listed } = propertyNames(compiler, read, path);
  const shape = listed === undefined ? read : { ...read, names: [...new Set([...read.names, ...listed])] };

  const listedNames = listed && new Set(listed);
  const values = new Map<string, string>();
  for (const name of shape.names) {
    const isAllowed =
      (allowedNames === undefined || acceptsText(allowedNames, name)) && (listedNames?.has(name) ?? true);
    const value = isAllowed
      ? compiler.value(shape.schemasOf(name), name)
      : { keyword: 'propertyNames', path, why: `the required name ${JSON.stringify(name)} is not allowed` };
    if (!isNever(value)) values.set(name, value);
    else if (shape.required.has(name)) return value;
  }
  const other = listed === undefined ? otherMember(compiler, shape, allowedNames, path) : undefined;
  const names = shape.names.filter((name) => values.has(name));
  let { minProperties } = shape;
  if (other !== undefined && minProperties > shape.required.size + 1) {
    report.cannotEnforce('minProperties', path, 'a grammar cannot tell that other names differ');
    minProperties = 0;
  }

  const order = createMemberOrder({ ...shape, names, minProperties, hasOthers: other !== undefined }, budget);
  const rules = memberRules(compiler, order, (name) => values.get(name)!, other, shape.maxProperties);
  const start = rules[0]?.[0];
  if (start === undefined) {
    const keyword =
      shape.minProperties > 0
        ? 'minProperties'
        : shape.maxProperties < Infinity
          ? 'maxProperties'
          : 'required';
    return { keyword, path, why: 'no object has the members that are asked for' };
  }
  const ways = [
    start.members === undefined ? [] : `"\\"" ${start.members}`,
    start.mayClose ? '"}"' : [],
  ].flat();
  const required = names.filter((name) => shape.required.has(name)).map((name) => values.get(name)!);
  const anyOne = [...values.values(), ...(other === undefined ? [] : [other])].map((rule) => [rule]);
  return {
    gbnf: `"{" ${whitespace(builder)} ${ways.length === 1 ? ways[0]! : `(${ways.join(' | ')})`}`,
    needs: start.mayClose ? [[]] : required.length > 0 ? [required] : anyOne,
  };
}

/** The names that `propertyNames` allows; a list of them where it is one. */
function propertyNames(
  compiler: SchemaCompiler,
  shape: ObjectShape,
  path: string,
): { names: Automaton | undefined; listed: readonly string[] | undefined } {
  if (shape.propertyNames.length === 0) return { names: undefined, listed: undefined };
  const { plain, choices, never } = compiler.conjunction(shape.propertyNames);
  if (never !== undefined) return { names: undefined, listed: [] };
  if (choices.length > 0) {
    compiler.report.cannotEnforce('propertyNames', path, 'alternatives of names');
    return { names: undefined, listed: undefined };
  }
  const listed = listedValues(plain)?.filter((value) => typeof value === 'string');
  if (listed !== undefined) {
    return { names: undefined, listed: listed.filter((name) => compiler.accepts(shape.propertyNames, name)) };
  }
  compiler.checkKeywords(plain);
  return { names: stringAutomaton(compiler, plain), listed: undefined };
}

interface StageRules {
  /** From the first letter of a name, behind its quote, to the closing brace. */
  readonly members: string | undefined;
  readonly mayClose: boolean;
}

/** Rules of all stages, last stage first; `undefined` where a stage leads nowhere. */
function memberRules(
  { builder }: SchemaCompiler,
  stages: readonly (readonly MemberStage[])[],
  valueOf: (name: string) => string,
  other: string | undefined,
  maxProperties: number,
): readonly (readonly (StageRules | undefined)[])[] {
  const ws = whitespace(builder);
  const close = `${ws} "}"`;
  const rules: (StageRules | undefined)[][] = stages.map(() => []);

  /** After a value. */
  function rest({ members, mayClose }: StageRules): string {
    const ways = [members === undefined ? [] : `"," ${ws} "\\"" ${members}`, mayClose ? close : []].flat();
    return builder.rule('rest', ways.join(' | '));
  }

  for (let depth = stages.length - 1; depth >= 0; depth--) {
    rules[depth] = stages[depth]!.map((stage) => {
      const ways: string[] = [];
      if (stage.others !== undefined && other !== undefined) {
        const more = builder.rule('others', `"," ${ws} "\\"" ${other}`);
        ways.push(`${other} ${repetition(builder, more, 0, maxProperties - stage.count - 1)} ${close}`);
      }
      const skipped = stage.skip === undefined ? undefined : rules[depth + 1]![stage.skip];
      const included = stage.include === undefined ? undefined : rules[depth + 1]![stage.include.to];
      if (stage.include !== undefined && included !== undefined) {
        const { name } = stage.include;
        ways.push(`${literal(`${JSON.stringify(name).slice(1)}:`)} [ ]? ${valueOf(name)} ${rest(included)}`);
      }
      if (skipped?.members !== undefined) ways.push(skipped.members);
      const mayClose = stage.mayClose || skipped?.mayClose === true;
      if (ways.length === 0 && !mayClose) return undefined;
      return { members: ways.length === 0 ? undefined : builder.rule('members', ways.join(' | ')), mayClose };
    });
  }
  return rules;
}
