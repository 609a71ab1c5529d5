import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
  tests: { alert_rule_test?: { alertname: string }[] }[];
}

async function readRules(): Promise<RuleFile> {
  return parse(await readFile(join(projectRoot, 'alerts.yml'), 'utf8')) as RuleFile;
}

const testFiles = (await readdir(join(projectRoot, 'tests/alerts'))).map((file) => `tests/alerts/${file}`);

const { groups } = await readRules();
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
const alertNames = alerts.map(({ alert = '' }) => alert);

describe('prometheus.yml', () => {
  it('scrapes every 15 seconds what the controller says is there, under the names of the jobs', async () => {
    const config: unknown = parse(await readFile(join(projectRoot, 'prometheus.yml'), 'utf8'));
    const fromFile = (file: string) => [{ files: [file], refresh_interval: '5s' }];
    expect(config).toEqual({
      global: { scrape_interval: '15s', evaluation_interval: '15s' },
      rule_files: ['alerts.yml'],
      alerting: { alertmanagers: [{ static_configs: [{ targets: ['localhost:9093'] }] }] },
      scrape_configs: [
        {
          job_name: 'ai-cluster-controller',
          file_sd_configs: fromFile('data/prometheus/controllers*.json'),
        },
        { job_name: 'ai-cluster-workers', file_sd_configs: fromFile('data/prometheus/workers*.json') },
      ],
    });
  });
});

describe('alerts.yml', () => {
  it('evaluates every 30 seconds, with the alerts of the first day at their severities and durations', () => {
    expect(groups.map(({ name, interval }) => [name, interval])).toEqual([
      ['ai_cluster', '30s'],
      ['ai_cluster_slo', '30s'],
    ]);
    const firstDay = alerts.slice(0, 6).map((rule) => [rule.alert, rule.labels?.severity, rule.for]);
    expect(firstDay).toEqual([
      ['HighErrorRate', 'warning', '5m'],
      ['HighLatency', 'warning', '5m'],
      ['NodesDown', 'critical', '1m'],
      ['RateLimitHigh', 'info', '5m'],
      ['ControllerDown', 'critical', '1m'],
      ['WorkerDown', 'critical', '1m'],
    ]);
  });

  it.each(alerts)(
    '$alert: has a severity, a summary, a description, and a section that says what to do',
    async (rule) => {
      const { alert = '', labels, annotations } = rule;
      expect(['critical', 'warning', 'info', 'none']).toContain(labels?.severity);
      expect(annotations?.summary).toBeTruthy();
      expect(annotations?.description).toMatch(/\.$|end }}$/);
      expect(annotations?.runbook).toBe(`docs/monitoring.md#${alert.toLowerCase()}`);
      expect(await readFile(join(projectRoot, 'docs/monitoring.md'), 'utf8')).toContain(`\n### ${alert}\n`);
    },
  );
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
    expect(output).toContain(`${groups.flatMap(({ rules }) => rules).length} rules found`);
  });

  it('sees every alert fire and stay quiet when it should', async () => {
    const { ok, output } = await promtool(['test', 'rules', ...testFiles]);
    expect(ok, output).toBe(true);
  });
});

/** A damage to one rule, found by its alert or record name: `from` is replaced by `to` in its expression. */
interface Mutation {
  rule: string;
  from: string;
  to: string;
  /** Each time that the text is there; else the first time. */
  isEverywhere?: boolean;
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
  { rule: 'LatencyTargetMissed', from: '> 5', to: '< 5' },
  { rule: 'LatencyTargetMissed', from: '> 5', to: '> 2' },
  { rule: 'LatencyTargetMissed', from: '> 5', to: '> 9' },
  { rule: 'HighResponseTime', from: '> 1', to: '< 1' },
  { rule: 'HighResponseTime', from: '> 1', to: '> 0.5' },
  { rule: 'HighResponseTime', from: '> 1', to: '> 5' },
  { rule: 'HighResponseTime', from: 'sum by (le, node_id) ', to: '' },
  { rule: 'HighResponseTime', from: 'by (le, node_id)', to: 'by (le)' },
  { rule: 'HighResponseTime', from: '0.95', to: '0.5' },
  { rule: 'HighResponseTime', from: '{phase="first_byte"}', to: '' },
  { rule: 'ConsecutiveFailures', from: '> 10', to: '< 10' },
  { rule: 'ConsecutiveFailures', from: '> 10', to: '> 9' },
  { rule: 'ConsecutiveFailures', from: '> 10', to: '> 20' },
  { rule: 'ConsecutiveFailures', from: 'max_over_time(', to: 'last_over_time(' },
  { rule: 'ConsecutiveFailures', from: 'max by (node_id)', to: 'sum by (node_id)' },
  { rule: 'QueueSaturated', from: '> 0.8', to: '< 0.8' },
  { rule: 'QueueSaturated', from: '> 0.8', to: '> 0.4' },
  { rule: 'QueueSaturated', from: '> 0.8', to: '> 0.95' },
  { rule: 'QueueSaturated', from: 'sum by (instance, model)', to: 'max by (instance, model)' },
  { rule: 'QueueSaturated', from: 'max by (model)', to: 'sum by (model)' },
  { rule: 'BreakerOpen', from: '== 1', to: '== 0' },
  { rule: 'BreakerOpen', from: 'max by (node_id)', to: 'min by (node_id)' },
  { rule: 'BreakerOpen', from: '=~"open|half_open"', to: '="open"' },
  { rule: 'BreakerOpen', from: '{state=~"open|half_open"}', to: '' },
  { rule: 'RetryBudgetExhausted', from: '== 0', to: '> 0' },
  { rule: 'RetryBudgetExhausted', from: '== 0', to: '<= 0.2' },
  { rule: 'RetryBudgetExhausted', from: 'min by (instance) ', to: 'min' },
  { rule: 'NodeEjectedRepeatedly', from: '> 2', to: '< 2' },
  { rule: 'NodeEjectedRepeatedly', from: '> 2', to: '> 0.5' },
  { rule: 'NodeEjectedRepeatedly', from: '> 2', to: '> 4' },
  { rule: 'NodeEjectedRepeatedly', from: 'sum by (node_id) ', to: '' },
  { rule: 'NodeEjectedRepeatedly', from: 'increase(', to: 'last_over_time(' },
  { rule: 'EventLoopLag', from: '> 0.1', to: '< 0.1' },
  { rule: 'EventLoopLag', from: '> 0.1', to: '> 0.05' },
  { rule: 'EventLoopLag', from: '> 0.1', to: '> 0.5' },
  { rule: 'EventLoopLag', from: '{job="ai-cluster-controller"}', to: '' },
  { rule: 'FdNearLimit', from: '> 0.8', to: '< 0.8' },
  { rule: 'FdNearLimit', from: '> 0.8', to: '> 0.5' },
  { rule: 'FdNearLimit', from: '> 0.8', to: '> 0.95' },
  { rule: 'FdNearLimit', from: '/ process_max_fds', to: '* process_max_fds' },
  { rule: 'ProcessRestarting', from: '> 2', to: '< 2' },
  { rule: 'ProcessRestarting', from: '> 2', to: '> 1' },
  { rule: 'ProcessRestarting', from: '> 2', to: '> 4' },
  { rule: 'ProcessRestarting', from: 'changes(', to: 'resets(' },
  { rule: 'ProcessRestarting', from: '{job=~"ai-cluster-.*"}', to: '' },
  { rule: 'MetricsCardinality', from: '> 0.8', to: '< 0.8' },
  { rule: 'MetricsCardinality', from: '> 0.8', to: '> 0.6' },
  { rule: 'MetricsCardinality', from: '> 0.8', to: '> 0.95' },
  { rule: 'MetricsCardinality', from: 'sum by (instance)', to: 'max by (instance)' },
  { rule: 'MetricsCardinality', from: 'ai_cluster_worker_metrics_series)', to: 'ai_cluster_metrics_series)' },
  { rule: 'MetricsCollectErrors', from: '> 0', to: '< 0' },
  { rule: 'MetricsCollectErrors', from: '> 0', to: '> 100' },
  { rule: 'MetricsCollectErrors', from: 'increase(', to: 'last_over_time(' },
  { rule: 'MetricsCollectErrors', from: '(worker_)?', to: '' },
  { rule: 'MetricsCollectErrors', from: 'by (instance, collector)', to: 'by (instance)' },
  { rule: 'Watchdog', from: 'vector(1)', to: 'vector(1) > 1' },
  { rule: 'AvailabilityBudgetBurnFast', from: '> 0.144', to: '< 0.144', isEverywhere: true },
  { rule: 'AvailabilityBudgetBurnFast', from: '> 0.144', to: '> 0.09', isEverywhere: true },
  { rule: 'AvailabilityBudgetBurnFast', from: '> 0.144', to: '> 0.9', isEverywhere: true },
  {
    rule: 'AvailabilityBudgetBurnFast',
    from: 'and\ncluster:ai_cluster_unavailability:ratio_rate5m > 0.144',
    to: '',
  },
  { rule: 'AvailabilityBudgetBurnFast', from: 'ratio_rate1h', to: 'ratio_rate5m' },
  { rule: 'AvailabilityBudgetBurnSlow', from: '> 0.06', to: '< 0.06', isEverywhere: true },
  { rule: 'AvailabilityBudgetBurnSlow', from: '> 0.06', to: '> 0.04', isEverywhere: true },
  { rule: 'AvailabilityBudgetBurnSlow', from: '> 0.06', to: '> 0.9', isEverywhere: true },
  { rule: 'TimeToFirstTokenBudgetBurnFast', from: '> 0.72', to: '< 0.72', isEverywhere: true },
  { rule: 'TimeToFirstTokenBudgetBurnFast', from: '> 0.72', to: '> 0.3', isEverywhere: true },
  { rule: 'TimeToFirstTokenBudgetBurnFast', from: '> 0.72', to: '> 1.1', isEverywhere: true },
  {
    rule: 'TimeToFirstTokenBudgetBurnFast',
    from: 'and\ncluster:ai_cluster_slow_first_tokens:ratio_rate5m > 0.72',
    to: '',
  },
  { rule: 'TimeToFirstTokenBudgetBurnSlow', from: '> 0.3', to: '< 0.3', isEverywhere: true },
  { rule: 'TimeToFirstTokenBudgetBurnSlow', from: '> 0.3', to: '> 0.15', isEverywhere: true },
  { rule: 'TimeToFirstTokenBudgetBurnSlow', from: '> 0.3', to: '> 0.9', isEverywhere: true },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate1h', from: 'status="error"', to: 'status!="success"' },
  {
    rule: 'cluster:ai_cluster_unavailability:ratio_rate1h',
    from: 'reason=~"full|draining"',
    to: 'reason=~".*"',
  },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate1h', from: '{status!="rejected"}', to: '' },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate1h', from: 'full|draining', to: 'full' },
  { rule: 'cluster:ai_cluster_slow_first_tokens:ratio_rate1h', from: 'le="2"', to: 'le="2.5"' },
  { rule: 'cluster:ai_cluster_slow_first_tokens:ratio_rate1h', from: '1\n- sum', to: 'sum' },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate6h', from: 'status="error"', to: 'status!="success"' },
  {
    rule: 'cluster:ai_cluster_unavailability:ratio_rate6h',
    from: 'reason=~"full|draining"',
    to: 'reason=~".*"',
  },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate6h', from: '{status!="rejected"}', to: '' },
  { rule: 'cluster:ai_cluster_unavailability:ratio_rate6h', from: 'full|draining', to: 'full' },
  { rule: 'cluster:ai_cluster_slow_first_tokens:ratio_rate6h', from: 'le="2"', to: 'le="2.5"' },
  { rule: 'cluster:ai_cluster_slow_first_tokens:ratio_rate6h', from: '1\n- sum', to: 'sum' },
];

/** The alert that reads a recording rule. */
const readerOf: Record<string, string> = {
  [requestRate]: 'HighErrorRate',
  [errorRatio]: 'HighErrorRate',
  [p95]: 'HighLatency',
  'cluster:ai_cluster_unavailability:ratio_rate1h': 'AvailabilityBudgetBurnFast',
  'cluster:ai_cluster_unavailability:ratio_rate6h': 'AvailabilityBudgetBurnSlow',
  'cluster:ai_cluster_slow_first_tokens:ratio_rate1h': 'TimeToFirstTokenBudgetBurnFast',
  'cluster:ai_cluster_slow_first_tokens:ratio_rate6h': 'TimeToFirstTokenBudgetBurnSlow',
};

it('every alert is damaged in some way', () => {
  const damaged = new Set(mutations.map(({ rule }) => readerOf[rule] ?? rule));
  expect(alertNames.filter((name) => !damaged.has(name))).toEqual([]);
});

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
      // What others do costs time and says nothing about this one.
      for (const group of rules.groups)
        group.rules = group.rules.filter((one) => one.record !== undefined || one.alert === alert);
      rules.groups = rules.groups.filter((group) => group.rules.some((one) => one.alert === alert));
      const inputs = await Promise.all(testFiles.map((file) => readFile(join(projectRoot, file), 'utf8')));
      const files = inputs.map((text) => parse(text) as TestFile);
      const tests = files
        .flatMap((file) => file.tests)
        .map(({ alert_rule_test: cases = [], ...test }) => ({
          ...test,
          alert_rule_test: cases.filter(({ alertname }) => alertname === alert),
        }))
        .filter(({ alert_rule_test: cases }) => cases.length > 0);
      const copy = await mkdtemp(join(scratch, 'copy-'));
      await writeFile(join(copy, 'alerts.yml'), stringify(rules));
      await writeFile(join(copy, 'test.yml'), stringify({ ...files[0], rule_files: ['alerts.yml'], tests }));
      const { ok, output } = await promtool(['test', 'rules', 'test.yml'], copy);
      // A damage that breaks the syntax proves nothing: the failure must be a difference between values.
      if (!ok) expect(output).toMatch(/\bgot:/);
      return ok;
    }

    it.concurrent.each(alertNames)('pass on an undamaged copy: %s', async (name) => {
      expect(await passesDamaged(name, () => undefined)).toBe(true);
    });

    it.concurrent.each(mutations)(
      'fail in $rule when $from becomes $to',
      async ({ rule, from, to, isEverywhere }) => {
        const passed = await passesDamaged(rule, (found) => {
          expect(found.expr, 'the text to be changed').toContain(from);
          found.expr = isEverywhere ? found.expr.replaceAll(from, to) : found.expr.replace(from, to);
        });
        expect(passed).toBe(false);
      },
    );

    const waiting = alerts.filter((rule) => rule.for !== undefined).map(({ alert = '' }) => alert);
    it.concurrent.each(waiting)('fail in %s when its duration is dropped or tripled', async (name) => {
      const withoutFor = await passesDamaged(name, (rule) => {
        delete rule.for;
      });
      expect(withoutFor).toBe(false);
      const withLongerFor = await passesDamaged(name, (rule) => {
        rule.for = `${3 * Number.parseInt(rule.for ?? '', 10)}m`;
      });
      expect(withLongerFor).toBe(false);
    });
  },
);
