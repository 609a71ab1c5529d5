import { counter, gauge } from './metricSpec.js';

/** What the controller tells of keys and of itself. */
export const keySpecs = {
  apiKeyRequests: counter({
    name: 'ai_cluster_api_key_requests_total',
    help: 'Inference requests by API key and outcome',
    unit: 'requests',
    labels: ['key_id', 'status'],
    advice:
      'Who uses the cluster: `ai-cluster keys` has the names. One key with many `error`: its model or its prompts.',
  }),
  apiKeyRateLimitHits: counter({
    name: 'ai_cluster_api_key_rate_limit_hits_total',
    help: 'Requests refused because of a limit of their API key',
    unit: 'requests',
    labels: ['key_id'],
    advice: 'See RateLimitHigh.',
  }),
  authAttempts: counter({
    name: 'ai_cluster_auth_attempts_total',
    help: 'API keys that were looked at, and requests without one, by what came of it; none while there are no keys',
    unit: 'requests',
    labels: ['result'],
    advice:
      'Many `invalid`: somebody guesses, or a client has an old key. `expired`: its owner wants a new one.',
  }),
  uptime: gauge({
    name: 'ai_cluster_uptime_seconds',
    help: 'Time since this controller started',
    unit: 'seconds',
    advice: 'Falls when it was started again.',
  }),
  configHash: gauge({
    name: 'ai_cluster_config_hash',
    help: 'A number that is the same for controllers with the same settings',
    unit: 'none',
    advice: 'Two values at once: controllers that should be alike are not.',
  }),
} as const;

/** What every process tells of itself: the worker's twins have names of their own, so that no sum counts both. */
export function processSpecs(prefix: 'ai_cluster' | 'ai_cluster_worker') {
  return {
    buildInfo: gauge({
      name: `${prefix}_build_info`,
      help: 'The versions of ai-cluster and of Node.js',
      unit: '1',
      labels: ['version', 'node'],
      advice: 'Two versions at once: a rolling update, or a forgotten machine.',
    }),
    logEvents: counter({
      name: `${prefix}_log_events_total`,
      help: 'Lines logged, by level',
      unit: 'lines',
      labels: ['level'],
      advice: '`error` rises: read logs/error.log.',
    }),
    metricsSeries: gauge({
      name: `${prefix}_metrics_series`,
      help: 'Lines of /metrics, by family',
      unit: 'lines',
      labels: ['family'],
      advice: 'See MetricsCardinality.',
    }),
    metricsSeriesLimit: gauge({
      name: `${prefix}_metrics_series_limit`,
      help: 'Lines that /metrics may have',
      unit: 'lines',
      advice: '--metrics-max-series.',
    }),
    metricsDropped: counter({
      name: `${prefix}_metrics_dropped_series_total`,
      help: 'Observations that had no place any more: their series would have been one too many',
      unit: 'observations',
      advice: 'Above 0: sums are too small from now on. See MetricsCardinality.',
    }),
    collectErrors: counter({
      name: `${prefix}_metrics_collect_errors_total`,
      help: 'Values that could not be read for a scrape, which went on without them',
      unit: 'times',
      labels: ['collector'],
      advice: 'A bug: please report the lines of error.log.',
    }),
  } as const;
}
