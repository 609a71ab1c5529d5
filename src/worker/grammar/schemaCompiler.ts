import type { AutomatonMemo } from './automatonMemo.js';
import type { Conjunction, Never, SchemaChoice } from './conjunction.js';
import type { GrammarBuilder } from './grammarBuilder.js';
import type { ObjectShape } from './objectShape.js';
import type { LocatedObject } from './schemaKeywords.js';
import type { LocatedSchema } from './schemaRefs.js';
import type { SchemaReport } from './schemaReport.js';
import type { TimeBudget } from './timeBudget.js';

/** One way to write a value. */
export interface ValueRule {
  /** GBNF without alternatives of its own at the top. */
  readonly gbnf: string;
  /** Rules of values that this one cannot be without: one of these lists is enough. Tells recursion that never ends. */
  readonly needs: readonly (readonly string[])[];
}

/** What the rules of arrays and objects need to compile the values in them. */
export interface SchemaCompiler {
  readonly builder: GrammarBuilder;
  readonly report: SchemaReport;
  readonly automata: AutomatonMemo;
  readonly budget: TimeBudget;
  conjunction(schemas: readonly LocatedSchema[]): Conjunction;
  /** The same with a choice replaced by one of its branches. */
  choose(conjunction: Conjunction, choice: SchemaChoice, branch: LocatedSchema): Conjunction;
  /** What these schemas say of an object; read once for the same array. */
  shapeOf(schemas: readonly LocatedObject[]): ObjectShape;
  /** The schemas of one member of such an object together. */
  memberOf(shape: ObjectShape, name: string): Conjunction;
  /** Name of the rule of the values that all these schemas allow. */
  value(schemas: readonly LocatedSchema[], hint: string): string | Never;
  /** Whether all these schemas allow this value. */
  accepts(schemas: readonly LocatedSchema[], value: unknown): boolean;
  /** Reports keywords that no grammar can enforce, or that are not known. */
  checkKeywords(schemas: readonly LocatedObject[]): void;
}

export function isNever<T>(result: T | Never): result is Never {
  return typeof result === 'object' && result !== null && 'why' in result;
}
