import { createHash } from 'node:crypto';
import type { Settings } from '../config/config.js';
import type { MetricsOptions } from '../observability/metrics/metricsRegistry.js';

export function toMetricsOptions(settings: Settings): MetricsOptions {
  const { metrics, metricsInclude, metricsExclude, metricsMaxSeries } = settings;
  return {
    isEnabled: metrics === 'on',
    maxSeries: metricsMaxSeries,
    shown: {
      include: metricsInclude.length === 0 ? undefined : metricsInclude,
      exclude: metricsExclude,
    },
  };
}

/** The same number for the same settings: 48 bits of a hash, which a float holds exactly. */
export function hashSettings(settings: Settings): number {
  const text = JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}
