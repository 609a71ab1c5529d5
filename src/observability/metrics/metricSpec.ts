/** What a metric is. All that is said of it anywhere (to Prometheus, in docs/metrics.md, in tests) comes from here. */
export interface MetricSpec<Label extends string = string, Type extends MetricType = MetricType> {
  readonly type: Type;
  readonly name: `ai_cluster_${string}`;
  /** What it counts or measures: a sentence without its full stop, for `# HELP`. */
  readonly help: string;
  /** Of a value: seconds, bytes, tokens, requests, …; `1 or 0` of a state. */
  readonly unit: string;
  /** Their values are closed sets: see `labels.ts`. */
  readonly labels: readonly Label[];
  /** What to think, or to do, when it moves. */
  readonly advice: string;
  /** Upper bounds of a histogram, without the last one, which has none. */
  readonly buckets: Type extends 'histogram' ? readonly number[] : undefined;
}

export type MetricType = 'counter' | 'gauge' | 'histogram';

export type SpecTable = Readonly<Record<string, MetricSpec>>;

type Given<Label extends string> = Omit<MetricSpec<Label>, 'type' | 'labels' | 'buckets'> & {
  readonly labels?: readonly Label[];
};

/** Only grows; its `rate()` is what it says. */
export function counter<const Label extends string = never>(
  given: Given<Label>,
): MetricSpec<Label, 'counter'> {
  return { ...given, type: 'counter', labels: given.labels ?? [], buckets: undefined };
}

/** A value of the moment of the scrape. */
export function gauge<const Label extends string = never>(given: Given<Label>): MetricSpec<Label, 'gauge'> {
  return { ...given, type: 'gauge', labels: given.labels ?? [], buckets: undefined };
}

export function histogram<const Label extends string = never>(
  given: Given<Label> & { readonly buckets: readonly number[] },
): MetricSpec<Label, 'histogram'> {
  return { ...given, type: 'histogram', labels: given.labels ?? [] };
}

/**
 * Upper bounds, in seconds but for those of tokens. Every threshold of a rule is one of them, and the last one of each
 * is at least twice the largest: a quantile never reads more than the last bound.
 */
export const buckets = {
  /** Whole requests. */
  endToEnd: [0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600],
  firstToken: [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
  ],
  betweenTokens: [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5,
  ],
  /** Parts of a request that are short as a rule. */
  stage: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  /** Waits last as long as the queue lets them. */
  queueWait: [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    120, 300,
  ],
  decision: [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
  tokens: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
} as const;
