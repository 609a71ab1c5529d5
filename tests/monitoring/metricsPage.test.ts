import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { formatFile } from '../../docs/generate/formatFile.js';
import { toMetricsPage } from '../../docs/generate/metricsPage.js';
import { listMetrics } from '../../src/observability/metrics/metricNames.js';
import { projectRoot } from './promtool.js';

it('docs/metrics.md is what the code says; `npm run generate` writes it', async () => {
  const file = path.join(projectRoot, 'docs/metrics.md');
  expect(await readFile(file, 'utf8')).toBe(await formatFile(file, toMetricsPage(listMetrics())));
});
