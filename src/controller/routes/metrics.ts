import compression from 'compression';
import type { RequestHandler } from 'express';
import { metricsPaths, type MetricsRegistry } from '../../observability/metrics/metricsRegistry.js';
import { ApiError } from '../../protocol/apiError.js';
import { createLimitRate } from '../limitRate.js';
import type { Route } from './route.js';

export interface MetricsRoutesDeps {
  readonly metrics: Pick<MetricsRegistry, 'text' | 'contentType' | 'isEnabled'>;
  readonly scrapesPerSecond: number;
}

/** What Prometheus reads, compressed where it accepts that. */
export function metricsRoutes({ metrics, scrapesPerSecond }: MetricsRoutesDeps): Route[] {
  const send: RequestHandler = async (_req, res) => {
    if (!metrics.isEnabled) {
      const message = 'Metrics are switched off: start the controller with METRICS_ENABLED=1.';
      throw new ApiError('route_not_found', { message });
    }
    res.set('content-type', metrics.contentType).send(await metrics.text());
  };
  const handlers = [createLimitRate(scrapesPerSecond), compression(), send];
  return metricsPaths.map((path) => ({
    path,
    access: 'operator',
    isInternal: true,
    methods: { GET: handlers },
  }));
}
