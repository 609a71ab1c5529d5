import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { needsPromtool, projectRoot, promtool, skipWithoutPromtool } from './promtool.js';
import { listMetricNames } from '../../src/observability/metrics.js';

const metricNames: readonly string[] = listMetricNames();

/** Series of prom-client's defaults and of Prometheus itself that the dashboard reads. */
const otherNames = [
  'up',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
];

interface Target {
  refId: string;
  datasource: { type: string; uid: string };
  expr: string;
  legendFormat: string;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: Target[];
}

interface Variable {
  name: string;
  type: string;
  query: unknown;
  definition?: string;
  datasource?: { type: string; uid: string };
}

interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  templating: { list: Variable[] };
  panels: Panel[];
}

const text = await readFile(join(projectRoot, 'dashboards/overview.json'), 'utf8');
const dashboard = JSON.parse(text) as Dashboard;
/** Panels that show data; rows are headings. */
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const targets = panels.flatMap(({ id, title, targets = [] }) =>
  targets.map((target) => ({ ...target, id, title, where: `${title} ${target.refId}` })),
);
const datasource = { type: 'prometheus', uid: '${datasource}' };

const promqlWords = new Set(['by', 'without', 'on', 'ignoring', 'and', 'or', 'unless', 'bool', 'offset']);

/** Label names of `by (...)` and `{...}` and the series names of an expression without rule syntax such as subqueries. */
function namesIn(expr: string): { series: string[]; labels: string[] } {
  const labels: string[] = [];
  const bare = expr
    .replace(/"[^"]*"/g, '""')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\{([^}]*)\}/g, (_, matchers: string) => {
      labels.push(...(matchers.match(/[a-z_]+(?=\s*[=!])/g) ?? []));
      return '';
    })
    .replace(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, list: string) => {
      labels.push(...(list.match(/[a-z_]+/g) ?? []));
      return '';
    });
  const series = (bare.match(/[a-z_][a-z0-9_:]*(?!\w)(?!\s*\()/gi) ?? []).filter(
    (word) => !promqlWords.has(word),
  );
  return { series, labels };
}

/** The family of a series: a histogram's `_bucket`, `_sum` and `_count` belong to its name. */
function familyOf(series: string): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, '');
  return metricNames.includes(base) ? base : series;
}

/** Rows of the metrics table in docs/monitoring.md: name to type and labels. */
async function readDocumentedMetrics(): Promise<Map<string, { type: string; labels: string[] }>> {
  const document = await readFile(join(projectRoot, 'docs/monitoring.md'), 'utf8');
  const rows = document.matchAll(/^\| `(ai_cluster_\w+)` *\| (\w+) *\| ([^|]*)\|/gm);
  return new Map(
    [...rows].map(([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ]),
  );
}

describe('dashboards/overview.json', () => {
  it('is plain dashboard JSON: a title, a uid, no export wrapper, no inputs to fill in', () => {
    expect(dashboard).toMatchObject({ uid: 'ai-cluster-overview', title: 'AI Cluster Overview' });
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    for (const key of ['dashboard', '__inputs', '__requires', 'id'])
      expect(dashboard).not.toHaveProperty(key);
  });

  it('begins with requests per second and generated tokens', () => {
    expect(dashboard.panels.slice(0, 2).map(({ title }) => title)).toEqual([
      'Requests per Second',
      'Tokens Generated',
    ]);
  });

  it('has unique panel ids and titles', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('has panels inside the 24 columns that do not overlap', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), `${title} covers another panel`).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });

  it.each(panels)(
    '$title: has a type, a description, a unit, the data source variable and targets',
    (panel) => {
      expect(['timeseries', 'bargauge']).toContain(panel.type);
      expect(panel.description).toMatch(/^.{20,}\.$/);
      expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
      expect(panel.datasource).toEqual(datasource);
      expect(panel.targets?.length).toBeGreaterThan(0);
      const refIds = panel.targets?.map(({ refId }) => refId) ?? [];
      expect(new Set(refIds).size).toBe(refIds.length);
      for (const target of panel.targets ?? []) {
        expect(target).toMatchObject({ refId: expect.stringMatching(/^[A-Z]$/) as string, datasource });
        expect(target.legendFormat).toBeTruthy();
      }
    },
  );

  it('lets one choose the data source, and takes all variables from it', () => {
    const [first, ...others] = dashboard.templating.list;
    expect(first).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const variable of others) expect(variable).toMatchObject({ type: 'query', datasource });
    const known = dashboard.templating.list.map(({ name }) => name);
    const used = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name = '']) => name);
    expect([...new Set(used)].sort()).toEqual([...known].sort());
  });

  it.each(targets)('$where: takes every rate over $__rate_interval', ({ expr }) => {
    const ranges = expr.match(/\[[^\]]*\]/g) ?? [];
    expect(ranges.every((range) => range === '[$__rate_interval]')).toBe(true);
    expect(expr.match(/\b(?:i?rate|increase)\(/g)?.length ?? 0).toBe(ranges.length);
    for (const series of namesIn(expr).series) {
      if (/_(?:total|bucket|sum|count)$/.test(series) && series !== 'ai_cluster_cluster_nodes_total') {
        expect(expr, 'a counter is only read through rate()').toContain(`rate(${series}`);
      }
    }
  });

  it.each(targets)('$where: reads only metrics that exist', ({ expr }) => {
    const { series } = namesIn(expr);
    expect(series.length).toBeGreaterThan(0);
    for (const name of series) expect([...metricNames, ...otherNames]).toContain(familyOf(name));
  });

  it('offers only values of existing metrics as variables', () => {
    for (const { definition } of dashboard.templating.list) {
      if (definition === undefined) continue;
      const [, selector = ''] = /^label_values\((.*), \w+\)$/.exec(definition) ?? [];
      for (const name of namesIn(selector).series) expect([...metricNames, ...otherNames]).toContain(name);
      expect(selector).not.toBe('');
    }
  });

  it('shows every family that a process exports', () => {
    const shown = new Set(targets.flatMap(({ expr }) => namesIn(expr).series.map(familyOf)));
    expect(metricNames.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('uses only labels that docs/monitoring.md lists for the family', async () => {
    const documented = await readDocumentedMetrics();
    for (const { expr, where, legendFormat } of targets) {
      const { series, labels } = namesIn(expr);
      const allowed = series.flatMap((name) => documented.get(familyOf(name))?.labels ?? []);
      const inLegend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      for (const label of [...labels, ...inLegend]) {
        expect([...allowed, 'job', 'instance', 'le'], `${where}: ${label}`).toContain(label);
      }
    }
  });
});

describe('docs/monitoring.md', () => {
  it('has one row for every metric, and only for those', async () => {
    expect([...(await readDocumentedMetrics()).keys()].sort()).toEqual([...metricNames].sort());
  });
});

describe.skipIf(skipWithoutPromtool)(needsPromtool('expressions'), { timeout: 60_000 }, () => {
  /** Checks expressions by the rule parser of Prometheus, as recording rules with Grafana's variables filled in. */
  async function checkExpressions(expressions: { name: string; expr: string }[]) {
    const rules = expressions.map(({ name, expr }) => ({
      record: name,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\{?[a-z]\w*\}?/g, '.*'),
    }));
    const folder = await mkdtemp(join(tmpdir(), 'ai-cluster-dashboard-'));
    try {
      await writeFile(join(folder, 'rules.yml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
      return await promtool(['check', 'rules', 'rules.yml'], folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  it('of all panels are valid PromQL', async () => {
    const { ok, output } = await checkExpressions(
      targets.map(({ id, refId, expr }) => ({ name: `panel:${id}:${refId}`, expr })),
    );
    expect(ok, output).toBe(true);
    expect(output).toContain(`${targets.length} rules found`);
  });

  it('in the examples of docs/monitoring.md are valid PromQL', async () => {
    const document = await readFile(join(projectRoot, 'docs/monitoring.md'), 'utf8');
    const blocks = [...document.matchAll(/```promql\n([^]*?)```/g)].map(([, block = '']) => block);
    const examples = blocks
      .flatMap((block) => block.split(/\n\n/))
      .map((part) => part.replace(/^#.*$/gm, '').trim());
    expect(examples.length).toBeGreaterThan(10);
    const { ok, output } = await checkExpressions(
      examples.map((expr, index) => ({ name: `example:${index}`, expr })),
    );
    expect(ok, output).toBe(true);
  });

  it('that are broken are found out', async () => {
    const { ok, output } = await checkExpressions([{ name: 'broken', expr: 'sum by (model (up)' }]);
    expect(ok).toBe(false);
    expect(output).toContain('could not parse expression');
  });
});
