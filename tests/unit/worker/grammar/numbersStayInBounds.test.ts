import fc from 'fast-check';
import { expect, it } from 'vitest';
import { acceptsText, AutomatonTooLargeError } from '../../../../src/worker/grammar/automaton.js';
import { numberAutomaton, type NumberLimits } from '../../../../src/worker/grammar/numberAutomaton.js';
import { unlimitedTime } from '../../../../src/worker/grammar/timeBudget.js';

const hundredths = fc.integer({ min: -2_500, max: 2_500 }).map((value) => value / 100);
const numbers = fc.oneof(
  fc.integer({ min: -1_200, max: 1_200 }),
  hundredths,
  fc.constantFrom(0, 1e6, -1e6, 0.001),
);
const bound = fc.option(fc.record({ value: numbers, exclusive: fc.boolean() }), { nil: undefined });
const limits = fc.record({
  integer: fc.boolean(),
  minimum: bound,
  maximum: bound,
  // Multiples of both 7 and 100 take more states than there may be.
  multipleOf: fc.oneof(
    fc.array(fc.constantFrom(2, 5, 7, 10, 0.5, 0.25, 0.1), { maxLength: 2 }),
    fc.array(fc.constantFrom(2, 5, 10, 100, 0.5, 0.25, 0.1), { maxLength: 2 }),
  ),
});

it('accepts the decimals within the limits, and no others', () => {
  fc.assert(
    fc.property(
      limits,
      fc.array(numbers, { minLength: 20, maxLength: 20 }),
      ({ minimum, maximum, ...rest }, values) => {
        const all: NumberLimits = { ...rest, ...(minimum && { minimum }), ...(maximum && { maximum }) };
        const automaton = numberAutomaton(all, unlimitedTime);
        const near = [minimum, maximum].flatMap((edge) =>
          edge === undefined
            ? []
            : [
                edge.value,
                rounded(edge.value + 1),
                rounded(edge.value - 1),
                Math.round(edge.value * 100 + 1) / 100,
              ],
        );
        for (const value of [...values, ...near]) {
          const accepted = acceptsText(automaton, String(value === 0 ? 0 : value));
          expect({ value, accepted }).toEqual({ value, accepted: isWithin(value, all) });
        }
      },
    ),
    { numRuns: 60 },
  );
});

it.each([
  ['007', false],
  ['-0', false],
  ['1.', false],
  ['.5', false],
  ['1e2', false],
  ['999999999999999', true],
  ['9999999999999999', false],
  ['0.500', true],
])('%s is a number above -10: %s', (text, accepted) => {
  const automaton = numberAutomaton(
    { integer: false, minimum: { value: -10, exclusive: false }, multipleOf: [] },
    unlimitedTime,
  );
  expect(acceptsText(automaton, text)).toBe(accepted);
});

it('refuses factors whose multiples take too many states', () => {
  expect(() => numberAutomaton({ integer: false, multipleOf: [7, 100] }, unlimitedTime)).toThrow(
    AutomatonTooLargeError,
  );
});

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function isWithin(value: number, { integer, minimum, maximum, multipleOf }: NumberLimits): boolean {
  if (integer && !Number.isInteger(value)) return false;
  if (minimum && (value < minimum.value || (minimum.exclusive && value === minimum.value))) return false;
  if (maximum && (value > maximum.value || (maximum.exclusive && value === maximum.value))) return false;
  return multipleOf.every((factor) => Math.round(value * 1_000) % Math.round(factor * 1_000) === 0);
}
