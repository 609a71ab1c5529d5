import type { ContenderName } from './contender.js';
import type { Reading } from './measurement.js';
import { median } from '../support/statistics.js';

/** All readings of one figure. */
export interface ResultRow extends Omit<Reading, 'value'> {
  /** One value a round, in the order of the rounds. */
  readonly values: Partial<Record<ContenderName, number[]>>;
}

/** Collects readings; the rows keep the order in which their figures first came. */
export interface Results {
  readonly rows: readonly ResultRow[];
  add(contender: ContenderName, reading: Reading): void;
  valuesOf(metric: string, contender: ContenderName): readonly number[];
  /** The median over the rounds of one contender's figure divided by another's of the same round. */
  ratio(metric: string, contender: ContenderName, other: ContenderName): number;
}

export function createResults(): Results {
  const rows = new Map<string, ResultRow>();
  const valuesOf = (metric: string, contender: ContenderName): readonly number[] =>
    rows.get(metric)?.values[contender] ?? [];
  return {
    get rows() {
      return [...rows.values()];
    },
    add(contender, { value, ...figure }) {
      const row = rows.get(figure.metric) ?? { ...figure, values: {} };
      rows.set(figure.metric, row);
      (row.values[contender] ??= []).push(value);
    },
    valuesOf,
    ratio: (metric, contender, other) => {
      const others = valuesOf(metric, other);
      return median(valuesOf(metric, contender).map((value, round) => value / (others[round] ?? NaN)));
    },
  };
}
