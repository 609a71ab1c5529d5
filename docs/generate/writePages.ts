import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { allDashboards } from '../../dashboards/src/allDashboards.js';
import { toDashboard } from '../../dashboards/src/toDashboard.js';
import { listMetrics } from '../../src/observability/metrics/metricNames.js';
import { formatFile } from './formatFile.js';
import { toMetricsPage } from './metricsPage.js';

/** Writes what is made from the code: the page of the metrics, and the dashboards. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const files: Readonly<Record<string, string>> = {
  'docs/metrics.md': toMetricsPage(listMetrics()),
  ...Object.fromEntries(
    Object.entries(allDashboards).map(([name, spec]) => [
      `dashboards/${name}.json`,
      JSON.stringify(toDashboard(spec), undefined, 2),
    ]),
  ),
};
for (const [file, text] of Object.entries(files))
  writeFileSync(root + file, await formatFile(root + file, text));
