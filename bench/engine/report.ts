import { contenderNames, type ContenderName } from './contender.js';
import type { MemoryRow } from './memory.js';
import type { ResultRow, Results } from './results.js';
import { decodeMetric } from './scenarios/decode.js';
import { prefixMetrics } from './scenarios/prefix.js';
import { waitOverFirstChunkMetric, waitOverLastChunkMetric } from './scenarios/arrival.js';
import { median, quantile, range } from '../support/statistics.js';
import { schedulerShare, toStepRows } from './steps/measureSteps.js';
import type { StepsReport } from './steps/stepMessages.js';
import { formatNumber, toTable } from '../support/table.js';

/** Medians with the smallest and the largest value, and the worker's ratio to each of the others. */
export function toResultTable(results: Results, contenders: readonly ContenderName[]): string {
  const others = contenders.includes('worker') ? contenders.filter((name) => name !== 'worker') : [];
  return toTable(
    results.rows.map((row) => ({
      figure: `${row.metric}, ${row.unit}${row.better === 'less' ? ' ↓' : ''}`,
      ...Object.fromEntries(contenders.map((name) => [name, toCell(row, name)])),
      ...Object.fromEntries(
        others.map((other) => [
          `worker ÷ ${other}`,
          formatNumber(results.ratio(row.metric, 'worker', other)),
        ]),
      ),
    })),
  );
}

function toCell({ values }: ResultRow, name: ContenderName): string {
  const { min, max } = range(values[name] ?? []);
  if (Number.isNaN(min)) return '–';
  return `${formatNumber(median(values[name] ?? []))} (${formatNumber(min)} – ${formatNumber(max)})`;
}

/** Memory of each process, in MB. */
export function toMemoryTable(rows: readonly MemoryRow[]): string {
  const toMegabytes = (bytes: number) => formatNumber(bytes / 1e6);
  return toTable(
    rows.map(({ contender, idleCpuShare, afterLoad, atEnd }) => ({
      'memory, MB': contender,
      'after load': toMegabytes(afterLoad.residentBytes),
      'at the end': toMegabytes(atEnd.residentBytes),
      'at the end, not of files': toMegabytes(atEnd.anonymousBytes),
      peak: toMegabytes(atEnd.peakBytes),
      'CPU while idle': `${formatNumber(idleCpuShare * 100)} %`,
    })),
  );
}

/** What was asked of the worker, beside what was measured; it is for looking and fails nothing. */
export function toGoalTable(results: Results, steps: StepsReport | undefined): string {
  const ratio = (other: ContenderName) => results.ratio(decodeMetric(8), 'worker', other);
  const medianOf = (metric: string) => median(results.valuesOf(metric, 'worker'));
  const cold = results.valuesOf(prefixMetrics.cold, 'worker');
  const warm = results.valuesOf(prefixMetrics.warm, 'worker');
  const sooner = median(cold.map((value, round) => value / (warm[round] ?? NaN)));
  const inProcess = steps
    ? quantile(steps.mixedMs, 0.99) / (quantile(steps.chunkMs, 0.99) + median(steps.fourDecodersMs))
    : NaN;
  return toTable([
    toGoal('decode at 8 streams, times the plain loop', '≥ 1.7', ratio('plain')),
    toGoal('decode at 8 streams, times llama-server', '≥ 0.95', ratio('llama-server')),
    toGoal(waitOverFirstChunkMetric, '≤ 1.5', medianOf(waitOverFirstChunkMetric)),
    toGoal(waitOverLastChunkMetric, '≤ 1.5', medianOf(waitOverLastChunkMetric)),
    toGoal('p99 step with a chunk ÷ (p99 chunk + step), in process', '≤ 1.5', inProcess),
    toGoal('warm prefix, times sooner than cold', '≥ 10', sooner),
    toGoal("scheduler's own time, % of a step", '< 3', steps ? schedulerShare(steps) * 100 : NaN),
  ]);
}

function toGoal(goal: string, asked: string, value: number): Record<string, string> {
  return { goal, asked, measured: formatNumber(value) };
}

/** Everything with all rounds, for programs. */
export function toJson(
  facts: object,
  results: Results,
  memory: readonly MemoryRow[],
  steps: StepsReport | undefined,
): string {
  const rows = results.rows.map(({ values, ...figure }) => ({
    ...figure,
    contenders: Object.fromEntries(
      contenderNames.flatMap((name) => {
        const all = values[name];
        return all ? [[name, { median: median(all), ...range(all), values: all }]] : [];
      }),
    ),
  }));
  const stepFacts = steps && {
    budgetTokens: steps.budgetTokens,
    schedulerShare: schedulerShare(steps),
    rows: toStepRows(steps),
  };
  return `${JSON.stringify({ ...facts, results: rows, memory, steps: stepFacts }, undefined, 2)}\n`;
}
