/** PromQL of panels. Every series is chosen by the variables Job and Instance, and rates fit the time that is shown. */

const ofProcesses = 'job=~"$job", instance=~"$instance"';

/** `matchers`: further ones, as `model=~"$model"`. */
export function series(name: string, ...matchers: readonly string[]): string {
  return `${name}{${[ofProcesses, ...matchers].join(', ')}}`;
}

export function rate(name: string, ...matchers: readonly string[]): string {
  return `rate(${series(name, ...matchers)}[$__rate_interval])`;
}

export function increase(name: string, ...matchers: readonly string[]): string {
  return `increase(${series(name, ...matchers)}[$__rate_interval])`;
}

export function sumBy(labels: string, expression: string): string {
  return labels === '' ? `sum(${expression})` : `sum by (${labels}) (${expression})`;
}

/** Of what several controllers see of the same nodes. */
export function maxBy(labels: string, expression: string): string {
  return labels === '' ? `max(${expression})` : `max by (${labels}) (${expression})`;
}

/** One quantity that a panel shows: an expression, and what its lines are called. */
export type Query = readonly [expression: string, legend: string];

export function quantile(share: number, name: string, labels = '', ...matchers: readonly string[]): string {
  const by = labels === '' ? 'le' : `le, ${labels}`;
  return `histogram_quantile(${share}, sum by (${by}) (${rate(`${name}_bucket`, ...matchers)}))`;
}

export function quantiles(name: string, ...matchers: readonly string[]): Query[] {
  return [0.5, 0.95, 0.99].map((share) => [
    quantile(share, name, '', ...matchers),
    `p${Math.round(share * 100)}`,
  ]);
}

export function mean(name: string, labels: string, ...matchers: readonly string[]): string {
  return `${sumBy(labels, rate(`${name}_sum`, ...matchers))} / ${sumBy(labels, rate(`${name}_count`, ...matchers))}`;
}

/** Nothing where the denominator is 0. */
export function ratio(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}

export const ofModel = 'model=~"$model"';
export const ofNode = 'node_id=~"$node"';
export const ofKey = 'key_id=~"$key"';
