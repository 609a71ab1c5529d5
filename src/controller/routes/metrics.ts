import type { MetricsRegistry } from '../../observability/metrics/metricsRegistry.js';
import { createLimitRate } from '../limitRate.js';
import { createMetricsHandler } from '../metricsHandler.js';
import type { Route } from './route.js';

export interface MetricsRoutesDeps {
  readonly metrics: Pick<MetricsRegistry, 'text' | 'contentType' | 'isEnabled'>;
  readonly scrapesPerSecond: number;
}

/** The second one is for scrapers that were set up for it. */
export const metricsPaths = ['/metrics', '/prometheus'] as const;

/** What Prometheus reads. */
export function metricsRoutes({ metrics, scrapesPerSecond }: MetricsRoutesDeps): Route[] {
  const handlers = [createLimitRate(scrapesPerSecond), createMetricsHandler(metrics)];
  return metricsPaths.map((path) => ({
    path,
    access: 'operator',
    isInternal: true,
    methods: { GET: handlers },
  }));
}
