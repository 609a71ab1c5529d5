import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { allDashboards } from '../../dashboards/src/allDashboards.js';
import { toDashboard } from '../../dashboards/src/toDashboard.js';
import { formatFile } from '../../docs/generate/formatFile.js';
import { listMetrics } from '../../src/observability/metrics/metricNames.js';
import { needsPromtool, projectRoot, promtool, skipWithoutPromtool } from './promtool.js';

const specs = new Map(listMetrics().map(({ spec }) => [spec.name as string, spec]));
const rules = await readFile(path.join(projectRoot, 'alerts.yml'), 'utf8');
const recorded = [...rules.matchAll(/record: (\S+)/g)].map(([, name = '']) => name);

/** Series of prom-client's defaults and of Prometheus itself that dashboards read. */
const otherNames = [
  'up',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_gc_duration_seconds_sum',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_active_resources',
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
  label: string;
  type: string;
  query: unknown;
  definition?: string;
  datasource?: { type: string; uid: string };
  refresh?: number;
  multi?: boolean;
  allValue?: string;
}

interface Dashboard {
  uid: string;
  title: string;
  editable: boolean;
  schemaVersion: number;
  templating: { list: Variable[] };
  panels: Panel[];
}

const files = (await readdir(path.join(projectRoot, 'dashboards'))).filter((file) => file.endsWith('.json'));
const dashboards = await Promise.all(
  files.map(async (file) => {
    const text = await readFile(path.join(projectRoot, 'dashboards', file), 'utf8');
    return { file, text, dashboard: JSON.parse(text) as Dashboard };
  }),
);
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** Panels that show data; rows are headings. */
const panels = dashboards.flatMap(({ dashboard }) =>
  dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map((panel) => ({ ...panel, where: `${dashboard.title}: ${panel.title}` })),
);
const targets = panels.flatMap(({ where, id, targets = [] }) =>
  targets.map((target) => ({ ...target, id, where: `${where} ${target.refId}` })),
);

/** Grafana's variables filled in. */
const filledIn = (expr: string) =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\{?[a-z]\w*\}?/g, '.*');

interface Selector {
  readonly name: string;
  readonly labels: readonly string[];
  readonly text: string;
}

/** What an expression reads, by the grammar of Prometheus' own editor. @throws where it is no PromQL. */
function parsePromql(expr: string): { selectors: Selector[]; labels: string[] } {
  const text = filledIn(expr);
  const selectors: Selector[] = [];
  const labels: string[] = [];
  parser.parse(text).iterate({
    enter: ({ name, from, to, node }) => {
      if (node.type.isError) throw new Error(`no PromQL at ${from}: ${text}`);
      const own = text.slice(from, to);
      if (name === 'VectorSelector') {
        selectors.push({
          name: /^[\w:]*/.exec(own)?.[0] ?? '',
          labels: [...own.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label),
          text: own,
        });
      }
      if (name === 'GroupingLabels') labels.push(...(own.match(/\w+/g) ?? []));
    },
  });
  return { selectors, labels };
}

/** The family of a series: a histogram's `_bucket`, `_sum` and `_count` belong to its name. */
function familyOf(series: string): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, '');
  return specs.get(base)?.type === 'histogram' ? base : series;
}

it('all are there', () => {
  expect(dashboards.map(({ dashboard }) => dashboard.title).sort()).toEqual([
    'AI Cluster Controller Health',
    'AI Cluster Inference',
    'AI Cluster Keys',
    'AI Cluster Nodes',
    'AI Cluster Overview',
    'AI Cluster SLO',
  ]);
});

describe.each(dashboards)('dashboards/$file', ({ file, text, dashboard }) => {
  it('is what the code makes; `npm run generate` writes it', async () => {
    const spec = allDashboards[file.replace('.json', '')];
    if (!spec) throw new Error(`no dashboard is made for ${file}`);
    expect(text).toBe(
      await formatFile(
        path.join(projectRoot, 'dashboards', file),
        JSON.stringify(toDashboard(spec), undefined, 2),
      ),
    );
  });

  it('is plain dashboard JSON that cannot be edited by mistake: no export wrapper, no inputs to fill in', () => {
    expect(dashboard.uid).toMatch(/^ai-cluster-/);
    expect(dashboard.editable).toBe(false);
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    for (const key of ['dashboard', '__inputs', '__requires', 'id'])
      expect(dashboard).not.toHaveProperty(key);
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

  it('lets one choose data source, job and instance, as the linter of Grafana wants it', () => {
    const [first, ...others] = dashboard.templating.list;
    expect(first).toMatchObject({
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
    });
    expect(others.slice(0, 2)).toMatchObject([
      { name: 'job', label: 'Job' },
      { name: 'instance', label: 'Instance' },
    ]);
    for (const variable of others) {
      expect(variable).toMatchObject({ type: 'query', datasource, refresh: 2, multi: true, allValue: '.+' });
      const [, selector = ''] = /^label_values\((.*), \w+\)$/.exec(variable.definition ?? '') ?? [];
      const { selectors } = parsePromql(selector);
      expect([...specs.keys(), ...otherNames]).toContain(selectors[0]?.name);
    }
    const used = new Set([...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, name = '']) => name));
    const known = new Set(dashboard.templating.list.map(({ name }) => name));
    expect([...used].filter((name) => !known.has(name))).toEqual([]);
  });
});

it('the overview begins with requests per second and generated tokens', () => {
  const { dashboard } = dashboards.find(({ file }) => file === 'overview.json') ?? {};
  expect(dashboard?.panels.slice(0, 2).map(({ title }) => title)).toEqual([
    'Requests per Second',
    'Tokens Generated',
  ]);
});

it.each(panels)(
  '$where: has a type, a description, a unit, the data source variable and targets',
  (panel) => {
    expect(['timeseries', 'stat', 'bargauge']).toContain(panel.type);
    expect(panel.description).toMatch(/^.{20,}\.$/);
    expect(['short', 's', 'bytes', 'reqps', 'ops', 'cps', 'percentunit']).toContain(
      panel.fieldConfig?.defaults.unit,
    );
    expect(panel.datasource).toEqual(datasource);
    const refIds = panel.targets?.map(({ refId }) => refId) ?? [];
    expect(refIds.length).toBeGreaterThan(0);
    expect(new Set(refIds).size).toBe(refIds.length);
    for (const target of panel.targets ?? []) {
      expect(target).toMatchObject({ refId: expect.stringMatching(/^[A-Z]$/) as string, datasource });
      expect(target.legendFormat).toBeTruthy();
    }
  },
);

describe.each(targets)('$where', ({ expr, legendFormat }) => {
  const { selectors, labels } = parsePromql(expr);

  it('takes every rate over $__rate_interval, and counters only so', () => {
    const ranges = expr.match(/\[[^\]]*\]/g) ?? [];
    expect(ranges.every((range) => range === '[$__rate_interval]')).toBe(true);
    expect(expr.match(/\b(?:rate|increase)\(/g)?.length ?? 0).toBe(ranges.length);
    for (const { name } of selectors) {
      const isHistogram = specs.get(familyOf(name))?.type === 'histogram';
      const isCounter =
        specs.get(name)?.type === 'counter' || /^(?:process|nodejs)_.*_(?:total|sum)$/.test(name);
      if (isHistogram || isCounter) expect(expr).toMatch(new RegExp(`(?:rate|increase)\\(${name}\\{`));
    }
  });

  it('reads only metrics that exist, of the chosen jobs and instances', () => {
    expect(selectors.length).toBeGreaterThan(0);
    for (const { name, labels: matched } of selectors) {
      // What a rule has recorded is of the cluster: it has neither.
      if (recorded.includes(name)) continue;
      expect([...specs.keys(), ...otherNames]).toContain(familyOf(name));
      expect(matched).toEqual(expect.arrayContaining(['job', 'instance']));
    }
    expect(expr.match(/job=~"\$job"/g)?.length ?? 0).toBe(
      selectors.filter(({ name }) => !recorded.includes(name)).length,
    );
  });

  it('uses only labels that the metrics have', () => {
    const allowed = selectors.flatMap(({ name }) => specs.get(familyOf(name))?.labels ?? []);
    const inLegend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
    const matched = selectors.flatMap((selector) => selector.labels);
    for (const label of [...labels, ...matched, ...inLegend])
      expect([...allowed, 'job', 'instance', 'le']).toContain(label);
  });
});

it('together they show every family that a process tells', () => {
  const shown = new Set(
    targets.flatMap(({ expr }) => parsePromql(expr).selectors.map(({ name }) => familyOf(name))),
  );
  const missing = [...specs.keys()].filter((name) => !shown.has(name));
  expect(missing).toEqual([]);
});

it('what is no PromQL is found out', () => {
  expect(() => parsePromql('sum by (model (up)')).toThrow('no PromQL');
});

describe.skipIf(skipWithoutPromtool)(needsPromtool('expressions'), { timeout: 60_000 }, () => {
  /** Checks expressions by the rule parser of Prometheus, as recording rules. */
  async function checkExpressions(expressions: { name: string; expr: string }[]) {
    const checked = expressions.map(({ name, expr }) => ({ record: name, expr: filledIn(expr) }));
    const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-dashboard-'));
    try {
      await writeFile(
        path.join(folder, 'rules.yml'),
        stringify({ groups: [{ name: 'dashboard', rules: checked }] }),
      );
      return await promtool(['check', 'rules', 'rules.yml'], folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  it('of all panels are valid PromQL', async () => {
    const { ok, output } = await checkExpressions(
      targets.map(({ expr }, index) => ({ name: `panel:${index}`, expr })),
    );
    expect(ok, output).toBe(true);
    expect(output).toContain(`${targets.length} rules found`);
  });

  it('in the examples of docs/monitoring.md are valid PromQL', async () => {
    const document = await readFile(path.join(projectRoot, 'docs/monitoring.md'), 'utf8');
    const blocks = [...document.matchAll(/```promql\n([^]*?)```/g)].map(([, block = '']) => block);
    const examples = blocks
      .flatMap((block) => block.split(/\n\n/))
      .map((part) => part.replace(/^#.*$/gm, '').trim());
    expect(examples.length).toBeGreaterThan(10);
    for (const expr of examples) parsePromql(expr);
    const { ok, output } = await checkExpressions(
      examples.map((expr, index) => ({ name: `example:${index}`, expr })),
    );
    expect(ok, output).toBe(true);
  });
});

it('rules and documents name no metric that does not exist', async () => {
  const names = [...specs.keys()];
  const known = new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
  for (const file of [
    'alerts.yml',
    'README.md',
    ...(await readdir(path.join(projectRoot, 'docs'))).map((page) => `docs/${page}`),
  ]) {
    if (!/\.(?:yml|md)$/.test(file)) continue;
    const text = await readFile(path.join(projectRoot, file), 'utf8');
    const named = [...text.matchAll(/(?<![\w:/.*-])ai_cluster_\w*[a-z](?![\w:*])/g)].map(([name]) => name);
    expect([
      file,
      [...new Set(named)].filter((name) => !known.has(name) && !prefixes.includes(name)),
    ]).toEqual([file, []]);
  }
});

/** Of families, and of the group of the rules. */
const prefixes = ['ai_cluster_worker', 'ai_cluster_slo'];
