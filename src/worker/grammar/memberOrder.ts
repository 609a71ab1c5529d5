import { GrammarTooLargeError } from './grammarLimits.js';
import type { TimeBudget } from './timeBudget.js';

/** What decides which members may still come. */
export interface MemberRules {
  /** Members in the order in which they may come. */
  readonly names: readonly string[];
  readonly required: ReadonlySet<string>;
  /** Members that one member demands. */
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;
  readonly minProperties: number;
  readonly maxProperties: number;
  /** Members with other names may follow. */
  readonly hasOthers: boolean;
}

/** The object up to one of its names: what was chosen before, as far as it matters. */
export interface MemberStage {
  /** Members so far; only counted where a limit asks for it. */
  readonly count: number;
  /** The stage of the next depth when this depth's name is taken. */
  readonly include: { readonly name: string; readonly to: number } | undefined;
  /** The stage of the next depth when it is left out. */
  readonly skip: number | undefined;
  /** Behind the last name: the object may end here. */
  readonly mayClose: boolean;
  /** Behind the last name: other members may follow. */
  readonly others: true | undefined;
}

const maxStages = 20_000;

/**
 * All stages by depth: `stages[i]` are those before the i-th name, the last ones those behind all names. The first is
 * the empty object.
 */
export function createMemberOrder(
  rules: MemberRules,
  budget: TimeBudget,
): readonly (readonly MemberStage[])[] {
  const { names, required, dependentRequired, minProperties, maxProperties, hasOthers } = rules;
  const counts = maxProperties < Infinity || minProperties > required.size;
  // What is required is there anyway, and needs no telling apart.
  const matters = new Set(
    [...dependentRequired]
      .flatMap(([name, others]) => [name, ...others])
      .filter((name) => !required.has(name)),
  );
  const stages: MemberStage[][] = [];
  let current: { count: number; present: ReadonlySet<string> }[] = [{ count: 0, present: new Set() }];
  let total = 0;

  for (const name of names) {
    const next = new Map<string, number>();
    const found: typeof current = [];
    const reach = (count: number, present: ReadonlySet<string>): number => {
      budget.spend(1 + present.size);
      const key = present.size === 0 ? String(count) : `${count} ${JSON.stringify([...present])}`;
      const index = next.get(key) ?? found.push({ count, present }) - 1;
      next.set(key, index);
      return index;
    };
    stages.push(
      current.map(({ count, present }) => ({
        count,
        include:
          count < maxProperties
            ? {
                name,
                to: reach(counts ? count + 1 : 0, matters.has(name) ? new Set([...present, name]) : present),
              }
            : undefined,
        skip: required.has(name) ? undefined : reach(count, present),
        mayClose: false,
        others: undefined,
      })),
    );
    total += current.length;
    if (total > maxStages) {
      throw new GrammarTooLargeError(
        'The grammar is too large: an object has too many combinations of properties',
      );
    }
    current = found;
  }

  stages.push(
    current.map(({ count, present }) => {
      budget.spend(1 + dependentRequired.size / 4);
      const has = (name: string): boolean => required.has(name) || present.has(name);
      const isComplete = [...dependentRequired].every(([name, others]) => !has(name) || others.every(has));
      const missing = counts ? minProperties - count : 0;
      return {
        count,
        include: undefined,
        skip: undefined,
        mayClose: isComplete && missing <= 0,
        // Others may repeat a name, so that only the first of them is sure to count.
        others: isComplete && hasOthers && missing <= 1 && count < maxProperties ? true : undefined,
      };
    }),
  );
  return stages;
}
