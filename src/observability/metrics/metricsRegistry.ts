import { setImmediate as nextTurn } from 'node:timers/promises';
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import {
  MetricFamily,
  type FamiliesOf,
  type FamilyOf,
  type LabelsOf,
  type MetricText,
  type Sample,
} from './metricFamily.js';
import type { MetricSpec, SpecTable } from './metricSpec.js';
import { createNameFilter, type NamePatterns } from './nameFilter.js';
import { processSpecs } from './processSpecs.js';
import { SeriesBudget } from './seriesBudget.js';

export interface MetricsOptions {
  /** False: nothing is counted. */
  readonly isEnabled?: boolean | undefined;
  /** Lines of `/metrics`, without those of prom-client about the process. */
  readonly maxSeries?: number | undefined;
  /** Families that are told; all by default. */
  readonly shown?: NamePatterns | undefined;
}

/** Gauges that are read together at every scrape. */
export interface Collector<State> {
  readonly name: string;
  read(): State;
  readonly gauges: readonly SampledGauge<State>[];
}

/** One gauge of a collector, made by {@link sampled}. */
export interface SampledGauge<State> {
  readonly spec: MetricSpec;
  samples(state: State): Iterable<Sample>;
}

/** Where every process tells them; the second one is for scrapers that were set up for it. */
export const metricsPaths = ['/metrics', '/prometheus'] as const;

const defaultMaxSeries = 50_000;
/** Written at once, about a millisecond's work: the event loop is free between two pieces. */
const linesPerTurn = 200;

/** All metrics of one process. */
export class MetricsRegistry {
  readonly isEnabled: boolean;
  readonly #families: MetricFamily[] = [];
  readonly #collectors: {
    readonly name: string;
    /** One gauge a step. */
    collect(): Iterable<void>;
    readonly families: MetricFamily[];
  }[] = [];
  readonly #ofProcess = new Registry();
  #running: Promise<string> | undefined;
  readonly #budget: SeriesBudget;
  readonly #isShown: (name: string) => boolean;
  readonly #collectErrors: FamilyOf<ReturnType<typeof processSpecs>['collectErrors']>;
  /** Told of collectors that fail. */
  onCollectError: (collector: string, error: unknown) => void = () => {};

  constructor(prefix: 'ai_cluster' | 'ai_cluster_worker', options: MetricsOptions = {}) {
    const { isEnabled = true, maxSeries = defaultMaxSeries, shown } = options;
    this.isEnabled = isEnabled;
    this.#budget = new SeriesBudget(maxSeries);
    this.#isShown = createNameFilter(shown);
    if (isEnabled) collectDefaultMetrics({ register: this.#ofProcess });

    const specs = processSpecs(prefix);
    const { collectErrors, metricsDropped } = this.families({
      collectErrors: specs.collectErrors,
      metricsDropped: specs.metricsDropped,
    });
    this.#collectErrors = collectErrors;
    metricsDropped.inc({}, 0);
    this.#budget.onDropped = () => metricsDropped.inc({});
    this.collect({
      name: 'metrics',
      read: () =>
        this.#families.filter(
          ({ lines, spec }) => lines > 0 && spec !== specs.metricsSeries && this.#isShown(spec.name),
        ),
      gauges: [
        sampled(specs.metricsSeries, (families: readonly MetricFamily[]) =>
          families.map(({ spec, lines }) => [{ family: spec.name }, lines]),
        ),
        sampled(specs.metricsSeriesLimit, () => [[{}, maxSeries]]),
      ],
    });
  }

  /** Says of which type what is told is. */
  get contentType(): string {
    return this.#ofProcess.contentType;
  }

  /** @param tallied those of the histograms that many observations are added to at once */
  families<Table extends SpecTable>(table: Table, tallied: readonly MetricSpec[] = []): FamiliesOf<Table> {
    const families = Object.entries(table)
      .filter(([, { type }]) => type !== 'gauge')
      .map(([key, spec]) => [key, this.#add(spec, tallied.includes(spec))]);
    return Object.fromEntries(families) as FamiliesOf<Table>;
  }

  collect<State>({ name, read, gauges }: Collector<State>): void {
    const families = gauges.map(({ spec }) => this.#add(spec));
    const collect = function* () {
      const state = read();
      for (const [place, { samples }] of gauges.entries()) yield families[place]?.replace(samples(state));
    };
    this.#collectErrors.inc({ collector: name }, 0);
    // What is told of the metrics themselves was made first, and is read when all others are.
    this.#collectors.unshift({ name, collect, families });
  }

  /** What is gone for good takes its series with it. */
  forget(label: 'node_id' | 'key_id' | 'model', value: string): void {
    for (const family of this.#families) family.forget(label, value);
  }

  /** In the order in which they were made. */
  specs(): MetricSpec[] {
    return this.#families.map(({ spec }) => spec);
  }

  /**
   * All of it in Prometheus' text format. Requests are served between the pieces, and those who ask while it is being
   * written get the same.
   */
  text(): Promise<string> {
    this.#running ??= this.#text().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #text(): Promise<string> {
    const unread = await this.#readCollectors();
    const pieces: string[] = [];
    for (const family of this.#families) {
      if (unread.has(family) || !this.#isShown(family.spec.name)) continue;
      pieces.push(await write(await family.read()));
    }
    for (const { name } of this.#ofProcess.getMetricsAsArray()) {
      if (this.#isShown(name)) pieces.push(await this.#ofProcess.getSingleMetricAsString(name));
    }
    return `${pieces.join('\n\n')}\n`;
  }

  /** @returns families whose values could not be read. */
  async #readCollectors(): Promise<Set<MetricFamily>> {
    const unread = new Set<MetricFamily>();
    for (const { name, collect, families } of this.#collectors) {
      try {
        for (const _ of collect()) await nextTurn();
      } catch (error) {
        for (const family of families) unread.add(family);
        this.#collectErrors.inc({ collector: name });
        this.onCollectError(name, error);
      }
    }
    return unread;
  }

  #add(spec: MetricSpec, isTallied = false): MetricFamily {
    const family = new MetricFamily(spec, this.#budget, { isTallied, isEnabled: this.isEnabled });
    this.#families.push(family);
    return family;
  }
}

/** Ties the values of a gauge to the labels that it has. */
export function sampled<State, Label extends string>(
  spec: MetricSpec<Label, 'gauge' | 'counter'>,
  samples: (state: State) => Iterable<readonly [labels: LabelsOf<Label>, value: number]>,
): SampledGauge<State> {
  return { spec, samples: samples as SampledGauge<State>['samples'] };
}

async function write(metric: MetricText): Promise<string> {
  const pieces: string[] = [];
  for (let from = 0; from === 0 || from < metric.values.length; from += linesPerTurn) {
    const values = metric.values.slice(from, from + linesPerTurn);
    const text = await formatMetric({ ...metric, values });
    pieces.push(from === 0 ? text : withoutHeader(text));
    if (values.length === linesPerTurn) await nextTurn();
  }
  return pieces.join('\n');
}

function formatMetric(metric: MetricText): Promise<string> {
  const registry = new Registry();
  registry.registerMetric({ name: metric.name, get: () => Promise.resolve(metric) } as unknown as Metric);
  return registry.getSingleMetricAsString(metric.name);
}

/** Without the lines of help and type. */
function withoutHeader(text: string): string {
  return text.slice(text.indexOf('\n', text.indexOf('\n') + 1) + 1);
}
