import fc, { type Arbitrary } from 'fast-check';
import type { Body } from './fuzzedBodies.js';

/** Wrong anywhere: another type, huge, nested for no reason, with names that mean something to JavaScript. */
export const wrong: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, '', '\0', [], {}, [[]], { a: {} }, -1, 0.5),
  fc.constantFrom(1e308, -1e308, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e21, 5e-324),
  fc
    .constantFrom('__proto__', 'constructor', 'toString')
    .map((name) => JSON.parse(`{"${name}":1}`) as unknown),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.jsonValue(),
  fc.integer({ min: 2, max: 3_000 }).map((depth) => {
    return JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
  }),
);

/** Replaces, removes or wraps something at some depth. */
export function damage(body: Body, choices: readonly number[], value: unknown): Body {
  const copy = structuredClone(body);
  let owner: Record<string, unknown> = copy;
  for (const [step, choice] of choices.entries()) {
    const keys = Object.keys(owner);
    const key = keys[choice % Math.max(keys.length, 1)] ?? 'added';
    const inner = owner[key];
    if (typeof inner === 'object' && inner !== null && step < choices.length - 1) {
      owner = inner as Record<string, unknown>;
      continue;
    }
    if (choice % 3 === 0) delete owner[key];
    else owner[key] = choice % 3 === 1 ? value : [inner];
    break;
  }
  return copy;
}
