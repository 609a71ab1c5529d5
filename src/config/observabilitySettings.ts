import { serving, type Setting } from './setting.js';
import { familyPattern, integer, onOff, otlpEndpoint } from './settingKinds.js';

/** What is told to Prometheus and to collectors of traces. */
export const observabilitySettings = {
  metrics: {
    flag: 'metrics',
    commands: [...serving],
    value: '<on|off>',
    description: 'whether anything is counted and told at /metrics; METRICS_ENABLED=0 is understood, too',
    defaultText: 'on',
    variable: 'METRICS_ENABLED',
    ...onOff,
  },
  metricsPort: {
    flag: 'metrics-port',
    commands: [...serving],
    value: '<port>',
    description:
      'an own port for /metrics, 0 for a free one; local workers have the ones behind it (default: where everything else is)',
    variable: 'METRICS_PORT',
    ...integer(0, 65535),
  },
  metricsInclude: {
    flag: 'metrics-include',
    commands: [...serving],
    value: '<pattern>',
    description:
      'tells only metrics of this name, * for any characters; repeat for more than one (default: all)',
    repeatable: true,
    ...familyPattern,
  },
  metricsExclude: {
    flag: 'metrics-exclude',
    commands: [...serving],
    value: '<pattern>',
    description:
      'does not tell metrics of this name, * for any characters; repeat for more than one (default: none)',
    repeatable: true,
    ...familyPattern,
  },
  metricsMaxSeries: {
    flag: 'metrics-max-series',
    commands: [...serving],
    value: '<lines>',
    description: 'lines that /metrics may have; what would be more is not counted',
    defaultText: '50000',
    ...integer(1_000, 1_000_000),
  },
  otlpEndpoint: {
    flag: 'otlp-endpoint',
    commands: ['up', 'controller'],
    value: '<URL>',
    description:
      'a collector that takes traces (OTLP over HTTP); OTEL_EXPORTER_OTLP_ENDPOINT is understood, too (default: none are made)',
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    ...otlpEndpoint(),
  },
} as const satisfies Record<string, Setting>;
