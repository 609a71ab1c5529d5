import { logLevels } from './labels.js';
import { sampled, type MetricsRegistry } from './metricsRegistry.js';
import { processSpecs } from './processSpecs.js';

export interface ProcessFacts {
  /** Of ai-cluster. */
  readonly version: string;
}

/** What every process tells of itself beside what prom-client does. */
export function addProcessMetrics(
  registry: MetricsRegistry,
  prefix: 'ai_cluster' | 'ai_cluster_worker',
  { version }: ProcessFacts,
) {
  const { logEvents: spec, buildInfo } = processSpecs(prefix);
  const { logEvents } = registry.families({ logEvents: spec });
  for (const level of logLevels) logEvents.inc({ level }, 0);
  const labels = { version, node: process.versions.node };
  registry.collect({
    name: 'process',
    read: () => undefined,
    gauges: [sampled(buildInfo, () => [[labels, 1]])],
  });
  return { logEvents };
}
