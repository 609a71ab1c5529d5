import { exploreAutomaton, type Automaton, type StateView } from './automaton.js';
import { charSet, singleChar, type CharSet } from './charSet.js';
import { commonMultiple } from './commonMultiple.js';
import { toDecimal } from './decimal.js';
import { maxDigits } from './jsonText.js';
import type { TimeBudget } from './timeBudget.js';

export interface NumberBound {
  readonly value: number;
  /** The bound itself is not allowed. */
  readonly exclusive: boolean;
}

/** What JSON Schema can ask of a number. Bounds and factors all hold. */
export interface NumberLimits {
  readonly integer: boolean;
  readonly minimum?: NumberBound;
  readonly maximum?: NumberBound;
  readonly multipleOf: readonly number[];
}

/** Remainders are states, kept apart for each digit: enough for factors up to some hundreds. */
const maxStates = 6_000;

/** A bound of the magnitude. */
interface Edge {
  readonly whole: string;
  readonly fraction: string;
  readonly exclusive: boolean;
}

/** The digits so far against as many of a bound: -1 less, 0 the same, 1 more. */
type Order = -1 | 0 | 1;

interface Reading {
  readonly part: (typeof parts)[number];
  readonly negative: boolean;
  /** Digits before the point and after it. */
  readonly wholeDigits: number;
  readonly fractionDigits: number;
  readonly toLower: Order;
  readonly toUpper: Order;
  /** Of the digits as an integer; for a power of ten, how many zeros are missing. */
  readonly remainder: number;
  readonly leadingZero: boolean;
}

/**
 * The decimals within the limits, without exponent, "-0" or needless leading zeros, and of at most {@link maxDigits}
 * digits in all: then no rounding of `JSON.parse` carries a number over a bound. With factors that are fractions, only
 * as many digits after the point as those have.
 */
export function numberAutomaton(limits: NumberLimits, budget: TimeBudget): Automaton {
  const factor = commonMultiple(limits.multipleOf);
  const maxFractionDigits = limits.integer ? 0 : Math.min(maxDigits, factor?.digits ?? maxDigits);
  const magnitudes = [magnitudeEdges(limits, false), magnitudeEdges(limits, true)] as const;

  function edgesOf(reading: Reading): { lower?: Edge; upper?: Edge } | undefined {
    return magnitudes[reading.negative ? 1 : 0];
  }

  function isAllowed(reading: Reading): boolean {
    const edges = edgesOf(reading);
    if (edges === undefined || (reading.part !== 'whole' && reading.part !== 'fraction')) return false;
    const lower = finalOrder(reading, reading.toLower, edges.lower);
    const upper = finalOrder(reading, reading.toUpper, edges.upper);
    return (
      (edges.lower === undefined || lower > 0 || (lower === 0 && !edges.lower.exclusive)) &&
      (edges.upper === undefined || upper < 0 || (upper === 0 && !edges.upper.exclusive)) &&
      isMultiple(reading)
    );
  }

  function isMultiple({ remainder, fractionDigits }: Reading): boolean {
    if (factor === undefined || factor.zeros !== undefined) return remainder === 0;
    const scale = 10 ** (factor.digits - fractionDigits);
    return (remainder * (scale % factor.units)) % factor.units === 0;
  }

  function nextRemainder(remainder: number, digit: number): number {
    if (factor === undefined) return 0;
    if (factor.zeros === undefined) return (remainder * 10 + digit) % factor.units;
    return digit === 0 ? Math.max(0, remainder - 1) : factor.zeros;
  }

  function afterDigit(reading: Reading, digit: number): Reading {
    const { part, negative, wholeDigits, fractionDigits, toLower, toUpper, remainder } = reading;
    const edges = edgesOf(reading);
    const inFraction = part === 'point' || part === 'fraction';
    return {
      part: inFraction ? 'fraction' : 'whole',
      negative,
      wholeDigits: wholeDigits + (inFraction ? 0 : 1),
      fractionDigits: fractionDigits + (inFraction ? 1 : 0),
      toLower: orderAfter(toLower, digitOf(reading, edges?.lower), digit),
      toUpper: orderAfter(toUpper, digitOf(reading, edges?.upper), digit),
      remainder: nextRemainder(remainder, digit),
      leadingZero: reading.leadingZero || (!inFraction && wholeDigits === 0 && digit === 0),
    };
  }

  /** First digits of those ranges in which each digit leads to the same. */
  function distinctDigits(reading: Reading): readonly number[] {
    if (factor !== undefined && factor.zeros === undefined) return allDigits;
    const edges = edgesOf(reading);
    const cuts = new Set([0]);
    if (factor !== undefined || reading.wholeDigits === 0) cuts.add(1);
    for (const [order, edge] of [
      [reading.toLower, edges?.lower],
      [reading.toUpper, edges?.upper],
    ] as const) {
      const other = digitOf(reading, edge);
      if (order === 0 && other !== undefined) cuts.add(other).add(other + 1);
    }
    return allDigits.filter((digit) => cuts.has(digit));
  }

  function view(reading: Reading): StateView<Reading> {
    const { part, wholeDigits, fractionDigits, leadingZero } = reading;
    const edges: { chars: CharSet; to: Reading }[] = [];
    if (part === 'start') {
      edges.push({ chars: minusSign, to: { ...reading, part: 'sign', negative: true } });
    }
    const digitsLeft = maxDigits - fractionDigits - (leadingZero ? 0 : wholeDigits);
    const inFraction = part === 'point' || part === 'fraction';
    const mostWholeDigits =
      part === 'start' ? maxDigits : (edgesOf(reading)?.upper?.whole.length ?? maxDigits);
    const wantsDigit = inFraction
      ? fractionDigits < maxFractionDigits
      : !leadingZero && wholeDigits < mostWholeDigits;
    if (wantsDigit && digitsLeft > 0) {
      const firsts = distinctDigits(reading);
      firsts.forEach((first, index) => {
        const last = (firsts[index + 1] ?? 10) - 1;
        edges.push({ chars: digitsBetween(first, last), to: afterDigit(reading, first) });
      });
    }
    if (part === 'whole' && maxFractionDigits > 0 && digitsLeft > 0) {
      const known = edgesOf(reading);
      edges.push({
        chars: decimalPoint,
        to: {
          ...reading,
          part: 'point',
          toLower: wholeOrder(reading, reading.toLower, known?.lower),
          toUpper: wholeOrder(reading, reading.toUpper, known?.upper),
        },
      });
    }
    return { accepting: isAllowed(reading), edges };
  }

  const start: Reading = {
    part: 'start',
    negative: false,
    wholeDigits: 0,
    fractionDigits: 0,
    toLower: 0,
    toUpper: 0,
    remainder: 0,
    leadingZero: false,
  };
  return exploreAutomaton(start, keyOf, view, budget, maxStates);
}

const allDigits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Made once: sets that are the same object need no comparison. */
const digitRanges = allDigits.map((from) => allDigits.map((to) => charSet([[0x30 + from, 0x30 + to]])));

function digitsBetween(from: number, to: number): CharSet {
  return digitRanges[from]![to]!;
}
const minusSign = singleChar(0x2d);
const decimalPoint = singleChar(0x2e);
const parts = ['start', 'sign', 'whole', 'point', 'fraction'] as const;

function keyOf(reading: Reading): string | number {
  let key: number = parts.indexOf(reading.part);
  key = key * 2 + (reading.negative ? 1 : 0);
  key = key * (maxDigits + 1) + reading.wholeDigits;
  key = key * (maxDigits + 1) + reading.fractionDigits;
  key = key * 3 + reading.toLower + 1;
  key = key * 3 + reading.toUpper + 1;
  key = key * 2 + (reading.leadingZero ? 1 : 0);
  return reading.remainder === 0 ? key : `${key} ${reading.remainder}`;
}

/** The bound's digit at the place of the next one; undefined without a bound. */
function digitOf({ part, wholeDigits, fractionDigits }: Reading, edge: Edge | undefined): number | undefined {
  if (edge === undefined) return undefined;
  if (part === 'point' || part === 'fraction') return Number(edge.fraction[fractionDigits] ?? 0);
  return Number(edge.whole[wholeDigits] ?? -1);
}

function orderAfter(order: Order, other: number | undefined, digit: number): Order {
  if (order !== 0 || other === undefined) return order;
  return digit < other ? -1 : digit > other ? 1 : 0;
}

/** Once all digits before the point are read: a longer number is larger. */
function wholeOrder({ wholeDigits }: Reading, order: Order, edge: Edge | undefined): Order {
  if (edge === undefined || wholeDigits === edge.whole.length) return order;
  return wholeDigits < edge.whole.length ? -1 : 1;
}

function finalOrder(reading: Reading, order: Order, edge: Edge | undefined): Order {
  if (edge === undefined) return order;
  const known = reading.part === 'whole' ? wholeOrder(reading, order, edge) : order;
  if (known !== 0) return known;
  return /[1-9]/.test(edge.fraction.slice(reading.fractionDigits)) ? -1 : 0;
}

/** Bounds of the digits behind the sign; undefined where no number of this sign is allowed. */
function magnitudeEdges(limits: NumberLimits, negative: boolean): { lower?: Edge; upper?: Edge } | undefined {
  const { minimum, maximum } = limits;
  const low = negative ? maximum : minimum;
  const high = negative ? minimum : maximum;
  const isBelowZero = (bound: NumberBound): boolean =>
    (negative ? -bound.value : bound.value) < 0 || (bound.value === 0 && (bound.exclusive || negative));
  if (high !== undefined && isBelowZero(high)) return undefined;
  const zero = { whole: '0', fraction: '', exclusive: true };
  const lower = low === undefined || isBelowZero(low) ? undefined : toEdge(low);
  return {
    ...(lower !== undefined ? { lower } : negative || isZeroExcluded(low) ? { lower: zero } : {}),
    ...(high === undefined ? {} : { upper: toEdge(high) }),
  };
}

function isZeroExcluded(low: NumberBound | undefined): boolean {
  return low?.value === 0 && low.exclusive;
}

function toEdge({ value, exclusive }: NumberBound): Edge {
  const { whole, fraction } = toDecimal(value);
  return { whole, fraction, exclusive };
}
