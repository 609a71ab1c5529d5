import type { MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import { BucketTally } from './bucketTally.js';
import type { MetricSpec } from './metricSpec.js';

type Labels = Readonly<Record<string, string>>;

/** A histogram that many observations can be added to at once, which prom-client's cannot; it reads as one of those. */
export class TallyHistogram {
  readonly name: string;
  readonly #spec: MetricSpec<string, 'histogram'>;
  readonly #series = new Map<string, { readonly labels: Labels; readonly tally: BucketTally }>();

  constructor(spec: MetricSpec<string, 'histogram'>) {
    this.name = spec.name;
    this.#spec = spec;
  }

  observe(labels: Labels, value: number): void {
    this.#tallyOf(labels).add(value);
  }

  zero(labels: Labels): void {
    this.#tallyOf(labels).clear();
  }

  add(labels: Labels, tally: BucketTally): void {
    this.#tallyOf(labels).addAll(tally);
  }

  remove(labels: Labels): void {
    this.#series.delete(this.#keyOf(labels));
  }

  get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const { name, help } = this.#spec;
    const values = [...this.#series.values()].flatMap(({ labels, tally }) => toValues(name, labels, tally));
    const metric = { name, help, type: 'histogram', aggregator: 'sum', values };
    // prom-client declares the type as an enum that its module does not have.
    return Promise.resolve(metric as unknown as MetricObjectWithValues<MetricValueWithName<string>>);
  }

  #tallyOf(labels: Labels): BucketTally {
    const key = this.#keyOf(labels);
    const known = this.#series.get(key);
    if (known) return known.tally;
    const tally = new BucketTally(this.#spec.buckets);
    this.#series.set(key, { labels, tally });
    return tally;
  }

  #keyOf(labels: Labels): string {
    return this.#spec.labels.map((label) => labels[label]).join('\n');
  }
}

function toValues(name: string, labels: Labels, tally: BucketTally): MetricValueWithName<string>[] {
  let below = 0;
  const bucketValues = [...tally.bounds, Infinity].map((bound, place) => {
    below += tally.counts[place] ?? 0;
    const le = bound === Infinity ? '+Inf' : String(bound);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...bucketValues,
    { metricName: `${name}_sum`, labels, value: tally.sum },
    { metricName: `${name}_count`, labels, value: tally.count },
  ];
}
