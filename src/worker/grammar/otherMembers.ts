import { automatonRule } from './automatonRule.js';
import { anyText, AutomatonTooLargeError, isEmptyAutomaton, type Automaton } from './automaton.js';
import { intersectAutomata, subtractAutomaton } from './automatonProduct.js';
import { colon, stringChar } from './jsonText.js';
import { oneOfTexts } from './listedTexts.js';
import type { NamePattern, ObjectShape } from './objectShape.js';
import type { LocatedSchema } from './schemaRefs.js';
import { isNever, type SchemaCompiler } from './schemaCompiler.js';

/** Patterns of names that may overlap: each subset of them is a case of its own. */
const maxPatterns = 4;

/**
 * Name of the rule of a member whose name no schema mentions, without its opening quote; undefined where there can be
 * none. Its name is written as `JSON.stringify` does, so that it cannot be a mentioned one in disguise.
 */
export function otherMember(
  compiler: SchemaCompiler,
  shape: ObjectShape,
  allowedNames: Automaton | undefined,
  path: string,
): string | undefined {
  const { builder, report } = compiler;
  let patterns = shape.patterns;
  if (patterns.length > maxPatterns) {
    report.cannotEnforce('patternProperties', path, `more than ${maxPatterns} patterns for one object`);
    patterns = [];
  }
  const cases: string[] = [];
  try {
    for (let subset = 0; subset < 2 ** patterns.length; subset++) {
      const matching = new Set(patterns.filter((_, index) => (subset >> index) % 2 === 1));
      const value = compiler.value(
        patterns.length < shape.patterns.length ? [] : shape.schemasOfOthers(matching),
        'value',
      );
      if (isNever(value)) continue;
      const name = nameRule(compiler, shape, patterns, matching, allowedNames);
      if (name !== undefined) cases.push(`${name} "\\"" ${colon} ${value}`);
    }
  } catch (error) {
    if (!(error instanceof AutomatonTooLargeError)) throw error;
    report.cannotEnforce('additionalProperties', path, `telling other names apart takes ${error.message}`);
    const value = compiler.value([], 'value');
    return isNever(value)
      ? undefined
      : builder.rule('other', `${stringChar(builder)}* "\\"" ${colon} ${value}`);
  }
  return cases.length === 0 ? undefined : builder.rule('other', cases.join(' | '));
}

/** GBNF of the names of one case, undefined where there is none. */
function nameRule(
  { builder, automata }: SchemaCompiler,
  shape: ObjectShape,
  patterns: readonly NamePattern[],
  matching: ReadonlySet<NamePattern>,
  allowedNames: Automaton | undefined,
): string | undefined {
  if (patterns.length === 0 && shape.names.length === 0 && allowedNames === undefined) {
    return `${stringChar(builder)}*`;
  }
  // Surrogates that stand alone are in no automaton.
  const mentioned = shape.names.filter((name) => !/\p{Surrogate}/u.test(name));
  const paths = (schemas: readonly LocatedSchema[]): readonly string[] => schemas.map(({ path }) => path);
  const notMentioned = automata.make(
    `names ${JSON.stringify([mentioned, paths(shape.propertyNames)])}`,
    (budget) =>
      mentioned.length === 0
        ? (allowedNames ?? anyText)
        : subtractAutomaton(allowedNames ?? anyText, oneOfTexts(mentioned, budget), budget),
  );
  const names =
    patterns.length === 0
      ? notMentioned
      : automata.make(
          `names ${JSON.stringify([
            mentioned,
            paths(patterns.map(({ schema }) => schema)),
            paths(Array.from(matching, ({ schema }) => schema)),
            paths(shape.propertyNames),
          ])}`,
          (budget) =>
            patterns.reduce((left, pattern) => {
              const narrow = matching.has(pattern) ? intersectAutomata : subtractAutomaton;
              return narrow(left, pattern.automaton, budget);
            }, notMentioned),
        );
  return isEmptyAutomaton(names) ? undefined : automatonRule(builder, 'name', names, 'json');
}
