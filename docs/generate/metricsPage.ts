import type { OwnedSpec } from '../../src/observability/metrics/metricNames.js';

const intro = `# Metrics

Made from the code (\`npm run generate\`); a test compares. What to do with them is in [monitoring.md](monitoring.md).

The controller owns every family but \`ai_cluster_worker_*\`, which each worker tells of itself: a sum over all processes
counts nothing twice. Both tell \`process_*\` and \`nodejs_*\` as well, of the client library, about their process.

Label values are closed sets: models, nodes and keys that the cluster knows, and words of the tables in
[labels.ts](../src/observability/metrics/labels.ts). What has no node has \`node_id="none"\`, what names no known model
\`model="unknown"\`, what matches no route \`path="unmatched"\`; what ends behind the end of its key counts for
\`key_id="revoked"\`. Series of nodes, models and keys that are gone go away.
`;

/** docs/metrics.md: one section for each metric, by owner and then by name. */
export function toMetricsPage(metrics: readonly OwnedSpec[]): string {
  const sections = (['controller', 'worker'] as const).map((owner) => {
    const own = metrics.filter((metric) => metric.owner === owner).map(({ spec }) => spec);
    const sorted = own.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const title = owner === 'controller' ? 'Of the controller' : 'Of each worker';
    return [`## ${title}`, ...sorted.map(toSection)].join('\n\n');
  });
  return `${[intro.trimEnd(), ...sections].join('\n\n')}\n`;
}

function toSection({ name, type, unit, labels, help, advice, buckets }: OwnedSpec['spec']): string {
  const facts = [
    `${type}, in ${unit}`,
    labels.length === 0 ? 'no labels' : `by ${labels.map((label) => `\`${label}\``).join(', ')}`,
    ...(buckets ? [`buckets up to ${buckets.join(', ')}`] : []),
  ];
  return [`### ${name}`, `${help}.`, `_${facts.join('; ')}._`, `What it means: ${advice}`].join('\n\n');
}
