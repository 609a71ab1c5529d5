import { toDecimal, toUnits } from './decimal.js';

/** A factor: `units` times `10 ** -digits`. */
export interface Factor {
  readonly units: number;
  /** Digits after the point that a multiple has at most. */
  readonly digits: number;
  /** A power of ten: how many zeros its multiples end with. */
  readonly zeros: number | undefined;
}

/** The smallest number of which every multiple is a multiple of all these, which are above 0. */
export function commonMultiple(factors: readonly number[]): Factor | undefined {
  const decimals = factors.map(toDecimal);
  let digits = Math.max(0, ...decimals.map(({ fraction }) => fraction.length));
  let units: bigint | undefined;
  for (const decimal of decimals) {
    const own = toUnits(decimal, digits) ?? 1n;
    units = units === undefined ? own : (units * own) / greatestDivisor(units, own);
  }
  if (units === undefined) return undefined;
  for (; digits > 0 && units % 10n === 0n; digits--) units /= 10n;
  const isPowerOfTen = digits === 0 && /^10+$/.test(String(units));
  return { units: Number(units), digits, zeros: isPowerOfTen ? String(units).length - 1 : undefined };
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b);
}
