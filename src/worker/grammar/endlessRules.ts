import type { TimeBudget } from './timeBudget.js';

/**
 * Recursive rules of which no text can ever end, for each of its ways, needs another such rule. `ways` lists for each
 * rule which rules each of its ways needs; rules that are not listed end.
 */
export function endlessRules(
  ways: ReadonlyMap<string, readonly (readonly string[])[]>,
  budget: TimeBudget,
): ReadonlySet<string> {
  const endless = new Set(ways.keys());
  for (let before = Infinity; endless.size < before;) {
    before = endless.size;
    for (const rule of endless) {
      budget.spend(1);
      if (ways.get(rule)!.some((needed) => needed.every((other) => !endless.has(other))))
        endless.delete(rule);
    }
  }
  return endless;
}
