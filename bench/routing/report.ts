import { median, quantile, range } from '../support/statistics.js';
import { formatNumber, toTable } from '../support/table.js';
import type { Outcome } from './simulate.js';

export type Summary = Readonly<Record<'cached' | 'known' | 'expected' | 'p50' | 'p95', number>>;

export function summarize(outcomes: readonly Outcome[]): Summary {
  const sum = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const firstTokens = outcomes.map(({ firstTokenMs }) => firstTokenMs);
  const promptTokens = sum((outcome) => outcome.promptTokens);
  return {
    cached: (100 * sum(({ cachedTokens }) => cachedTokens)) / promptTokens,
    known: (100 * sum(({ knownTokens }) => knownTokens)) / promptTokens,
    expected: (100 * sum(({ expectedCachedTokens }) => expectedCachedTokens)) / promptTokens,
    p50: quantile(firstTokens, 0.5),
    p95: quantile(firstTokens, 0.95),
  };
}

/** One prefix share: the runs of each contender, by seed. */
export interface Results {
  readonly title: string;
  readonly runsOf: ReadonlyMap<string, readonly Summary[]>;
}

/** Medians over the seeds with the smallest and largest value; ratios are of runs with the same seed. */
export function toReport(results: readonly Results[]): string {
  const rows = results.flatMap(({ title, runsOf }) =>
    [...runsOf].map(([name, runs]) => {
      const of = (key: keyof Summary) => runs.map((run) => run[key]);
      const ratios = (key: keyof Summary, other: string) =>
        runs.map((run, index) => run[key] / (runsOf.get(other)?.[index]?.[key] ?? NaN));
      return {
        share: title,
        policy: name,
        'cached, %': show(of('cached')),
        'of what was known': formatNumber(median(runs.map(({ cached, known }) => cached / known))),
        'expected ÷ cached': formatNumber(median(runs.map(({ cached, expected }) => expected / cached))),
        'first token p50, ms': show(of('p50')),
        'p95, ms': show(of('p95')),
        'p50 ÷ least-busy': show(ratios('p50', 'least-busy')),
        'p95 ÷ least-busy': show(ratios('p95', 'least-busy')),
      };
    }),
  );
  return toTable(rows);
}

function show(values: readonly number[]): string {
  const { min, max } = range(values);
  if (Number.isNaN(min)) return '–';
  return `${formatNumber(median(values))} (${formatNumber(min)} to ${formatNumber(max)})`;
}
