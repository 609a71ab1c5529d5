import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { needsPromtool, projectRoot, promtool, skipWithoutPromtool } from './promtool.js';

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface RuleFile {
  groups: { name: string; interval: string; rules: Rule[] }[];
}

interface TestFile {
  tests: { alert_rule_test: { alertname: string }[] }[];
}

async function readRules(): Promise<RuleFile> {
  return parse(await readFile(join(projectRoot, 'alerts.yml'), 'utf8')) as RuleFile;
}

describe('prometheus.yml', () => {
  it('scrapes the controller and the two workers of `make up` every 15 seconds', async () => {
    const config: unknown = parse(await readFile(join(projectRoot, 'prometheus.yml'), 'utf8'));
    expect(config).toEqual({
      global: { scrape_interval: '15s', evaluation_interval: '15s' },
      rule_files: ['alerts.yml'],
      scrape_configs: [
        { job_name: 'ai-cluster-controller', static_configs: [{ targets: ['localhost:8080'] }] },
        {
          job_name: 'ai-cluster-workers',
          static_configs: [{ targets: ['localhost:8081', 'localhost:8082'] }],
        },
      ],
    });
  });
});

describe('alerts.yml', () => {
  it('is one group, evaluated every 30 seconds, with every alert at its severity and duration', async () => {
    const { groups } = await readRules();
    expect(groups.map(({ name, interval }) => ({ name, interval }))).toEqual([
      { name: 'ai_cluster', interval: '30s' },
    ]);
    const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
    expect(alerts.map((rule) => [rule.alert, rule.labels?.severity, rule.for])).toEqual([
      ['HighErrorRate', 'warning', '5m'],
      ['HighLatency', 'warning', '5m'],
      ['NodesDown', 'critical', '1m'],
      ['RateLimitHigh', 'info', '5m'],
      ['ControllerDown', 'critical', '1m'],
      ['WorkerDown', 'critical', '1m'],
    ]);
  });

  it('points every alert at a heading of docs/monitoring.md', async () => {
    const headings =
      (await readFile(join(projectRoot, 'docs/monitoring.md'), 'utf8')).match(/^#+ .*$/gm) ?? [];
    const anchors = headings.map((heading) => heading.replace(/^#+ /, '').toLowerCase().replaceAll(' ', '-'));
    for (const { alert, annotations } of (await readRules()).groups.flatMap(({ rules }) => rules)) {
      if (alert === undefined) continue;
      expect(annotations?.runbook).toBe(`docs/monitoring.md#${alert.toLowerCase()}`);
      expect(anchors).toContain(alert.toLowerCase());
    }
  });
});

describe.skipIf(skipWithoutPromtool)(needsPromtool('promtool'), { timeout: 60_000 }, () => {
  it('accepts prometheus.yml and the rule file it names', async () => {
    const { ok, output } = await promtool(['check', 'config', 'prometheus.yml']);
    expect(ok, output).toBe(true);
    expect(output).toContain('1 rule files found');
  });

  it('accepts alerts.yml', async () => {
    const { ok, output } = await promtool(['check', 'rules', 'alerts.yml']);
    expect(ok, output).toBe(true);
    expect(output).toContain('9 rules found');
  });

  it('sees every alert fire and stay quiet when it should', async () => {
    const { ok, output } = await promtool(['test', 'rules', 'tests/monitoring/alerts.test.yml']);
    expect(ok, output).toBe(true);
  });
});

/** A damage to one rule, found by its alert or record name: `from` is replaced by `to` in its expression. */
interface Mutation {
  rule: string;
  from: string;
  to: string;
}

const requestRate = 'model:ai_cluster_inference_requests:rate5m';
const errorRatio = 'model:ai_cluster_inference_errors:ratio_rate5m';
const p95 = 'model:ai_cluster_inference_duration_seconds:p95_rate5m';

const mutations: Mutation[] = [
  { rule: requestRate, from: 'sum by (model) ', to: '' },
  { rule: requestRate, from: 'rate(', to: 'deriv(' },
  { rule: errorRatio, from: 'sum by (model)', to: '' },
  { rule: errorRatio, from: 'status="error"', to: 'status!="success"' },
  { rule: errorRatio, from: 'or\n  0 * model:ai_cluster_inference_requests:rate5m', to: '' },
  { rule: p95, from: 'sum by (le, model) ', to: '' },
  { rule: p95, from: 'by (le, model)', to: 'by (le)' },
  { rule: p95, from: '0.95', to: '0.5' },
  { rule: p95, from: '0.95', to: '0.99' },
  { rule: p95, from: 'rate(', to: 'last_over_time(' },
  { rule: p95, from: '{node_id!="none"}', to: '' },
  { rule: 'HighErrorRate', from: '> 0.05', to: '< 0.05' },
  { rule: 'HighErrorRate', from: '> 0.05', to: '> 0.025' },
  { rule: 'HighErrorRate', from: '> 0.05', to: '> 0.1' },
  { rule: 'HighErrorRate', from: '>= 20', to: '>= 0' },
  { rule: 'HighErrorRate', from: '>= 20', to: '>= 40' },
  { rule: 'HighErrorRate', from: '>= 20', to: '< 20' },
  { rule: 'HighLatency', from: '> 10', to: '< 10' },
  { rule: 'HighLatency', from: '> 10', to: '> 5' },
  { rule: 'HighLatency', from: '> 10', to: '> 20' },
  { rule: 'NodesDown', from: '<', to: '>' },
  { rule: 'NodesDown', from: '<', to: '<=' },
  { rule: 'NodesDown', from: '< max(ai_cluster_config_min_healthy_nodes)', to: '< 2' },
  { rule: 'NodesDown', from: 'max(ai_cluster_cluster', to: '(ai_cluster_cluster' },
  { rule: 'NodesDown', from: 'max(ai_cluster_cluster', to: 'min(ai_cluster_cluster' },
  { rule: 'NodesDown', from: 'max(ai_cluster_cluster', to: 'sum(ai_cluster_cluster' },
  { rule: 'NodesDown', from: '{status="healthy"}', to: '' },
  { rule: 'RateLimitHigh', from: '> 10', to: '< 10' },
  { rule: 'RateLimitHigh', from: '> 10', to: '> 5' },
  { rule: 'RateLimitHigh', from: '> 10', to: '> 20' },
  { rule: 'RateLimitHigh', from: 'sum(', to: '(' },
  { rule: 'RateLimitHigh', from: 'rate(', to: 'deriv(' },
  { rule: 'ControllerDown', from: '== 0', to: '> 0' },
  { rule: 'ControllerDown', from: ' or absent(up{job="ai-cluster-controller"})', to: '' },
  { rule: 'ControllerDown', from: '{job="ai-cluster-controller"} ==', to: ' ==' },
  {
    rule: 'ControllerDown',
    from: 'up{job="ai-cluster-controller"} == 0',
    to: 'sum(up{job="ai-cluster-controller"}) == 0',
  },
  { rule: 'WorkerDown', from: '== 0', to: '> 0' },
  { rule: 'WorkerDown', from: ' or absent(up{job="ai-cluster-workers"})', to: '' },
  { rule: 'WorkerDown', from: '{job="ai-cluster-workers"} ==', to: ' ==' },
  {
    rule: 'WorkerDown',
    from: 'up{job="ai-cluster-workers"} == 0',
    to: 'sum(up{job="ai-cluster-workers"}) == 0',
  },
];

/** The alert that reads a recording rule. */
const readerOf: Record<string, string> = {
  [requestRate]: 'HighErrorRate',
  [errorRatio]: 'HighErrorRate',
  [p95]: 'HighLatency',
};

const alertNames = [
  'HighErrorRate',
  'HighLatency',
  'NodesDown',
  'RateLimitHigh',
  'ControllerDown',
  'WorkerDown',
];

describe.skipIf(skipWithoutPromtool)(
  needsPromtool('rule tests of a damaged rule'),
  { timeout: 60_000 },
  () => {
    let scratch: string;

    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'ai-cluster-alerts-'));
    });
    afterAll(async () => {
      await rm(scratch, { recursive: true, force: true });
    });

    /**
     * Runs the tests of one alert on a copy of alerts.yml in which `damage` has changed the rule named `name`: the alert
     * itself or a recording rule that it reads. Returns whether the tests passed.
     */
    async function passesDamaged(name: string, damage: (rule: Rule) => void): Promise<boolean> {
      const rules = await readRules();
      const rule = rules.groups
        .flatMap((group) => group.rules)
        .find((one) => (one.alert ?? one.record) === name);
      if (rule === undefined) throw new Error(`alerts.yml has no rule ${name}`);
      damage(rule);
      const alert = readerOf[name] ?? name;
      const input = parse(
        await readFile(join(projectRoot, 'tests/monitoring/alerts.test.yml'), 'utf8'),
      ) as TestFile;
      const tests = input.tests.filter((test) =>
        test.alert_rule_test.some(({ alertname }) => alertname === alert),
      );
      const copy = await mkdtemp(join(scratch, 'copy-'));
      await writeFile(join(copy, 'alerts.yml'), stringify(rules));
      await writeFile(join(copy, 'test.yml'), stringify({ ...input, rule_files: ['alerts.yml'], tests }));
      const { ok, output } = await promtool(['test', 'rules', 'test.yml'], copy);
      // A damage that breaks the syntax proves nothing: the failure must be a difference between values.
      if (!ok) expect(output).toMatch(/\bgot:/);
      return ok;
    }

    it.concurrent.each(alertNames)('pass on an undamaged copy: %s', async (name) => {
      expect(await passesDamaged(name, () => undefined)).toBe(true);
    });

    it.concurrent.each(mutations)('fail in $rule when $from becomes $to', async ({ rule, from, to }) => {
      const passed = await passesDamaged(rule, (found) => {
        expect(found.expr, 'the text to be changed').toContain(from);
        found.expr = found.expr.replace(from, to);
      });
      expect(passed).toBe(false);
    });

    it.concurrent.each(alertNames)('fail in %s when its duration is dropped or tripled', async (name) => {
      const withoutFor = await passesDamaged(name, (rule) => {
        delete rule.for;
      });
      expect(withoutFor).toBe(false);
      const withLongerFor = await passesDamaged(name, (rule) => {
        rule.for = rule.for === '5m' ? '15m' : '3m';
      });
      expect(withLongerFor).toBe(false);
    });
  },
);
