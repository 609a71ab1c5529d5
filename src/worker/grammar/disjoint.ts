import { AutomatonTooLargeError } from './automaton.js';
import { haveCommonText } from './automatonProduct.js';
import type { Conjunction } from './conjunction.js';
import { numberLimits } from './numberRule.js';
import type { ObjectShape } from './objectShape.js';
import type { SchemaCompiler } from './schemaCompiler.js';
import { stringAutomaton } from './stringRule.js';
import { allowedTypes, listedValues } from './valueTypes.js';

/** Discriminators nested deeper are not looked for. */
const maxDepth = 4;
const maxListedValues = 200;

/**
 * Whether provably no value satisfies both: by type, by the values they list, by bounds, or by a member that one of them
 * demands and the other forbids or describes differently.
 */
export function areDisjoint(compiler: SchemaCompiler, a: Conjunction, b: Conjunction, depth = 0): boolean {
  compiler.budget.spend(4 + (a.plain.length + b.plain.length) / 2);
  if (a.never !== undefined || b.never !== undefined) return true;
  if (depth > maxDepth) return false;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const choice of one.choices) {
      const branches = choice.branches.map((branch) => compiler.choose(one, choice, branch));
      if (branches.every((branch) => areDisjoint(compiler, branch, other, depth + 1))) return true;
    }
  }
  const aTypes = allowedTypes(a.plain);
  const shared = [...allowedTypes(b.plain)].filter(
    (type) =>
      aTypes.has(type) ||
      (type === 'integer' && aTypes.has('number')) ||
      (type === 'number' && aTypes.has('integer')),
  );
  if (shared.length === 0) return true;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const values = listedValues(one.plain);
    if (values === undefined || values.length > maxListedValues) continue;
    if (!values.some((value) => compiler.accepts([...one.plain, ...other.plain], value))) return true;
  }
  return shared.every((type) => {
    if (type === 'object') return objectsAreDisjoint(compiler, a, b, depth);
    if (type === 'number' || type === 'integer') return boundsAreDisjoint(a, b);
    return type === 'string' && textsAreDisjoint(compiler, a, b);
  });
}

function objectsAreDisjoint(
  compiler: SchemaCompiler,
  a: Conjunction,
  b: Conjunction,
  depth: number,
): boolean {
  const shapes = [compiler.shapeOf(a.plain), compiler.shapeOf(b.plain)] as const;
  return demands(compiler, shapes[0], shapes[1], depth) || demands(compiler, shapes[1], shapes[0], depth);
}

/** A member that the first demands tells them apart, whether or not the second demands it as well. */
function demands(compiler: SchemaCompiler, first: ObjectShape, second: ObjectShape, depth: number): boolean {
  return [...first.required].some((name) => {
    return areDisjoint(compiler, compiler.memberOf(first, name), compiler.memberOf(second, name), depth + 1);
  });
}

function boundsAreDisjoint(a: Conjunction, b: Conjunction): boolean {
  const [first, second] = [numberLimits(a.plain, false), numberLimits(b.plain, false)];
  return [[first, second] as const, [second, first] as const].some(
    ([{ maximum }, { minimum }]) =>
      maximum !== undefined &&
      minimum !== undefined &&
      (maximum.value < minimum.value ||
        (maximum.value === minimum.value && (maximum.exclusive || minimum.exclusive))),
  );
}

function textsAreDisjoint(compiler: SchemaCompiler, a: Conjunction, b: Conjunction): boolean {
  try {
    const texts = [stringAutomaton(compiler, a.plain), stringAutomaton(compiler, b.plain)] as const;
    return !haveCommonText(...texts, compiler.budget);
  } catch (error) {
    if (error instanceof AutomatonTooLargeError) return false;
    throw error;
  }
}
