import type { RequestHandler } from 'express';
import type { MetricsRegistry } from '../observability/metrics/metricsRegistry.js';
import { ApiError } from '../protocol/apiError.js';
import { sendCompressed } from './sendCompressed.js';

/** Answers scrapes, with gzip where it is accepted. Those who ask while a text is being made get that one. */
export function createMetricsHandler(
  metrics: Pick<MetricsRegistry, 'text' | 'contentType' | 'isEnabled'>,
): RequestHandler {
  let running: Promise<string> | undefined;
  const read = () =>
    (running ??= metrics.text().finally(() => {
      running = undefined;
    }));
  return async function sendMetrics(req, res) {
    if (!metrics.isEnabled) {
      const message = 'Metrics are switched off: start the controller with METRICS_ENABLED=1.';
      throw new ApiError('route_not_found', { message });
    }
    res.set('content-type', metrics.contentType);
    await sendCompressed(req, res, await read());
  };
}
