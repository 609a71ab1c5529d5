import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import type { BucketTally } from './bucketTally.js';
import type { MetricSpec, SpecTable } from './metricSpec.js';
import type { SeriesBudget } from './seriesBudget.js';
import { TallyHistogram } from './tallyHistogram.js';

export type LabelsOf<Label extends string> = Readonly<Record<Label, string>>;
type Labels = LabelsOf<string>;

export interface CounterFamily<Label extends string> {
  inc(labels: LabelsOf<Label>, by?: number): void;
}

export interface HistogramFamily<Label extends string> {
  observe(labels: LabelsOf<Label>, value: number): void;
  /** The series is there from now on, with nothing in it. */
  zero(labels: LabelsOf<Label>): void;
  /** Of many observations at once. */
  add(labels: LabelsOf<Label>, tally: BucketTally): void;
}

/** What the code that counts sees of a metric. Gauges have no such side: they are read from live state. */
export type FamilyOf<Spec> =
  Spec extends MetricSpec<infer Label, 'counter'>
    ? CounterFamily<Label>
    : Spec extends MetricSpec<infer Label, 'histogram'>
      ? HistogramFamily<Label>
      : never;

export type FamiliesOf<Table extends SpecTable> = { readonly [Key in keyof Table]: FamilyOf<Table[Key]> };

export type MetricText = MetricObjectWithValues<MetricValue<string>>;

/** One value of a gauge, or of a counter that is kept elsewhere. */
export type Sample<Label extends string = string> = readonly [labels: LabelsOf<Label>, value: number];

/** All series of one metric, as many as the budget allows. */
export class MetricFamily {
  readonly spec: MetricSpec;
  readonly #metric: Counter | Gauge | Histogram | TallyHistogram;
  readonly #budget: SeriesBudget;
  readonly #linesPerSeries: number;
  readonly #isEnabled: boolean;
  readonly #series = new Map<string, Labels>();

  constructor(
    spec: MetricSpec,
    budget: SeriesBudget,
    { isTallied = false, isEnabled = true }: { isTallied?: boolean; isEnabled?: boolean } = {},
  ) {
    this.spec = spec;
    this.#budget = budget;
    this.#isEnabled = isEnabled;
    this.#metric = createMetric(spec, isTallied);
    // Buckets, the one without a bound, sum and count.
    this.#linesPerSeries = spec.type === 'histogram' ? (spec.buckets?.length ?? 0) + 3 : 1;
    // Without labels there is one series, from the beginning on.
    if (spec.labels.length === 0 && isEnabled) this.#admits({});
  }

  get lines(): number {
    return this.#series.size * this.#linesPerSeries;
  }

  inc(labels: Labels, by = 1): void {
    if (this.#admits(labels)) (this.#metric as Counter).inc(labels, by);
  }

  observe(labels: Labels, value: number): void {
    if (this.#admits(labels)) (this.#metric as Histogram).observe(labels, value);
  }

  zero(labels: Labels): void {
    if (this.#admits(labels)) (this.#metric as Histogram).zero(labels);
  }

  add(labels: Labels, tally: BucketTally): void {
    if (this.#admits(labels)) (this.#metric as TallyHistogram).add(labels, tally);
  }

  /** Takes the place of everything that it had before. */
  replace(samples: Iterable<Sample>): void {
    const metric = this.#metric as Gauge | Counter;
    metric.reset();
    if (this.spec.labels.length > 0) {
      this.#budget.giveBack(this.lines);
      this.#series.clear();
    }
    // Both add to a series that is new: a gauge that was reset has none.
    for (const [labels, value] of samples) if (this.#admits(labels)) metric.inc(labels, value);
  }

  /** What is gone for good takes its series with it. */
  forget(label: string, value: string): void {
    for (const [key, labels] of this.#series) {
      if (labels[label] !== value) continue;
      this.#series.delete(key);
      this.#budget.giveBack(this.#linesPerSeries);
      this.#metric.remove(labels);
    }
  }

  read(): Promise<MetricText> {
    return this.#metric.get();
  }

  #admits(labels: Labels): boolean {
    if (!this.#isEnabled) return false;
    const key = this.spec.labels.map((label) => labels[label]).join('\n');
    if (this.#series.has(key)) return true;
    if (!this.#budget.tryTake(this.#linesPerSeries)) return false;
    this.#series.set(key, labels);
    return true;
  }
}

function createMetric(spec: MetricSpec, isTallied: boolean): Counter | Gauge | Histogram | TallyHistogram {
  const { name, help, labels: labelNames } = spec;
  // Without a registry: it would be read by way of MetricsRegistry twice.
  const config = { name, help, labelNames: [...labelNames], registers: [] };
  switch (spec.type) {
    case 'counter':
      return new Counter(config);
    case 'gauge':
      return new Gauge(config);
    case 'histogram': {
      const histogram = spec as MetricSpec<string, 'histogram'>;
      return isTallied
        ? new TallyHistogram(histogram)
        : new Histogram({ ...config, buckets: [...histogram.buckets] });
    }
  }
}
