import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { isAlive, startUp } from '../support/upProcess.js';
import { createMonitoringFolder, skipWithout } from './monitoringFolder.js';

const slow = 120_000;

describe.skipIf(skipWithout('prometheus'))('make metrics (skipped without Prometheus)', () => {
  it(
    'watches a cluster, says what is wrong with it, and leaves no process behind',
    async () => {
      const up = await startUp({ tiny: {} });
      onTestFinished(() => up.cleanUp());
      const { nodes } = await up.status();
      const workers = Object.fromEntries(nodes.map(({ id, url }) => [id, new URL(url ?? '').host]));
      const monitoring = await createMonitoringFolder();
      const controllers = [new URL(up.url).host];
      monitoring.setTargets({ controllers, workers });
      const origin = `http://127.0.0.1:${monitoring.prometheusPort}`;

      const alone = await monitoring.make('metrics-check');
      expect(alone.output).toContain('Prometheus does not run');
      expect(alone).toMatchObject({
        code: 0,
        output: expect.stringContaining('All is well, but for Prometheus') as string,
      });

      const started = await monitoring.make('metrics');
      expect(started.output).toContain(`Prometheus runs: ${origin}\n`);
      expect((await fetch(`${origin}/-/ready`)).status).toBe(200);
      const pid = monitoring.pidOf('prometheus');
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toEqual([
        'prometheus',
        '--config.file=prometheus.yml',
        `--web.listen-address=127.0.0.1:${monitoring.prometheusPort}`,
        '--storage.tsdb.path=data/tsdb',
        '--storage.tsdb.retention.time=15d',
        '',
      ]);

      const again = await monitoring.make('metrics');
      expect(again).toEqual({ code: 0, output: `Prometheus runs already: ${origin}\n` });
      const elsewhere = await monitoring.make('metrics', { PROMETHEUS_PORT: '1' });
      expect(elsewhere).toEqual({ code: 0, output: `Prometheus runs already: ${origin}\n` });
      expect(monitoring.pidOf('prometheus')).toBe(pid);

      const checked = await eventually(
        async () => {
          const result = await monitoring.make('metrics-check');
          expect(result.output).toContain('All is well.');
          return result;
        },
        { timeout: 60_000, interval: 500 },
      );
      expect(checked.code).toBe(0);
      expect(checked.output).toMatch(
        /^ok +controller \(127\.0\.0\.1:\d+\): \d+ series, values move, \d+ MB/m,
      );
      expect(checked.output).toMatch(/^ok +worker_2 \(127\.0\.0\.1:\d+\): \d+ series, values move, \d+ MB/m);
      expect(checked.output).toMatch(/^ok +Prometheus: ai-cluster-workers: 2 of 2 up at the last scrape$/m);
      expect(checked.output).toMatch(/^ok +Prometheus: \d+ alerts and \d+ recording rules$/m);

      // One that is gone, and whose port nobody has.
      await up.stop();
      await eventually(
        async () => {
          const { code, output } = await monitoring.make('metrics-check');
          expect(output).toMatch(/^WRONG +worker_2 .*ECONNREFUSED\n +> start the cluster \(make up\)/m);
          expect(output).toMatch(/^WRONG +Prometheus: ai-cluster-workers \S+ is down: .*connection refused/m);
          expect(output).toContain('6 things are wrong.');
          expect(code).not.toBe(0);
        },
        { timeout: 30_000, interval: 500 },
      );

      const stopped = await monitoring.make('metrics-stop');
      expect(stopped.output).toBe('Prometheus has stopped; its data is still there.\n');
      expect(await isAlive(pid)).toBe(false);
      expect(monitoring.has('data/tsdb/wal')).toBe(true);
      expect((await monitoring.make('metrics-stop')).output).toBe('Prometheus does not run.\n');
    },
    slow,
  );

  it(
    'a configuration that Prometheus does not take is shown with what it says',
    async () => {
      const monitoring = await createMonitoringFolder();
      monitoring.write('prometheus.yml', 'scrape_configs: 7\n');
      const { code, output } = await monitoring.make('metrics');
      expect(code).not.toBe(0);
      expect(output).toContain('cannot unmarshal');
      expect(output).toContain('Prometheus did not get ready; its last lines are above.');
      expect(monitoring.has('data/run/prometheus.pid')).toBe(false);
    },
    slow,
  );
});

it.each([
  ['PROMETHEUS_PORT', 'abc', 'a port, such as 9090'],
  ['PROMETHEUS_RETENTION', 'foo', 'a time, such as 15d or 12h'],
])('%s=%s is refused with what is accepted', async (variable, value, accepted) => {
  const monitoring = await createMonitoringFolder();
  const { code, output } = await monitoring.make('metrics', { [variable]: value });
  expect(code).not.toBe(0);
  expect(output).toContain(`${variable}: "${value}" is not accepted; give ${accepted}`);
});

it('ends no process that only has the id of one that it started', async () => {
  const monitoring = await createMonitoringFolder();
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => void other.kill());
  monitoring.write('data/run/prometheus.pid', `${other.pid}\n--config.file=prometheus.yml\n`);
  expect((await monitoring.make('metrics-stop')).output).toBe('Prometheus does not run.\n');
  expect(await isAlive(other.pid ?? 0)).toBe(true);
  expect(monitoring.has('data/run/prometheus.pid')).toBe(false);
});

it('a port that something else has is named, with what gives another one', async () => {
  const monitoring = await createMonitoringFolder();
  const other = createServer().listen(monitoring.prometheusPort, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { code, output } = await monitoring.make('metrics');
  expect(code).not.toBe(0);
  expect(output).toContain(`Port ${monitoring.prometheusPort} is taken`);
  expect(output).toContain('PROMETHEUS_PORT=');
});

it.each([
  ['metrics', 'Prometheus', 'apt-get install'],
  ['grafana', 'Grafana', 'https://grafana.com/docs/'],
])('without programs and Docker, make %s says what to install', async (target, name, remedy) => {
  const monitoring = await createMonitoringFolder();
  const { code, output } = await monitoring.make(target, monitoring.pathWith({}));
  expect(code).not.toBe(0);
  expect(output).toContain(`${name} is not installed, and there is no Docker that answers.`);
  expect(output).toContain(remedy);
  expect(monitoring.has(`data/run/${name.toLowerCase()}.pid`)).toBe(false);
});
