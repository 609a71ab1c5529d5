import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { isAlive } from '../support/upProcess.js';
import { pinnedImage, readText, readYaml } from './deployFiles.js';
import { createMonitoringFolder, type MonitoringFolder } from './monitoringFolder.js';

/** Stands in for Grafana: answers its health check, and writes down with what it was started. */
const grafana = `#!${process.execPath}
const { createServer } = require('node:http');
const { writeFileSync } = require('node:fs');
const { GF_SERVER_HTTP_ADDR: host, GF_SERVER_HTTP_PORT: port, GF_PATHS_DATA: data } = process.env;
writeFileSync(data + '/started.json', JSON.stringify({ argv: process.argv.slice(2), env: process.env }));
createServer((req, res) => res.writeHead(req.url === '/api/health' ? 200 : 404).end()).listen(port, host);
`;

/** Stands in for Docker with one container, which is the program above. */
const docker = `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { spawn } = require('node:child_process');
const args = process.argv.slice(2);
const state = __dirname + '/container.json';
appendFileSync(__dirname + '/docker.log', JSON.stringify(args) + '\\n');
const container = existsSync(state) ? JSON.parse(readFileSync(state, 'utf8')) : undefined;
const actions = {
  info: () => {},
  inspect: () => {
    if (!container) process.exit(1);
    console.log(args[2].includes('Labels') ? container.folder : 'true');
  },
  run: () => {
    const given = args.filter((arg) => arg.startsWith('--env=')).map((arg) => arg.slice(6).split(/=(.*)/s));
    const env = Object.fromEntries(given);
    const child = spawn(__dirname + '/contained', [], { env, detached: true, stdio: 'ignore' });
    const folder = args.find((arg) => arg.startsWith('ai-cluster.folder=')).split('=')[1];
    writeFileSync(state, JSON.stringify({ folder, pid: child.pid }));
    child.unref();
  },
  stop: () => process.kill(container.pid),
  rm: () => rmSync(state),
};
actions[args[0]]();
`;

interface Started {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function expectOurSettings(monitoring: MonitoringFolder, env: Started['env']): void {
  const { folder, grafanaPort, prometheusPort } = monitoring;
  expect(env).toMatchObject({
    GF_SERVER_HTTP_ADDR: '127.0.0.1',
    GF_SERVER_HTTP_PORT: String(grafanaPort),
    GF_AUTH_ANONYMOUS_ENABLED: 'false',
    GF_SECURITY_ADMIN_PASSWORD: `$__file{${folder}/data/grafana-password}`,
    GF_PATHS_PROVISIONING: `${folder}/deploy/grafana/provisioning`,
    DASHBOARDS_FOLDER: `${folder}/dashboards`,
    PROMETHEUS_URL: `http://127.0.0.1:${prometheusPort}`,
  });
}

describe('make grafana, with a program that stands in for Grafana', () => {
  it('starts it with a password that only a file has, and stops it', async () => {
    const monitoring = await createMonitoringFolder();
    monitoring.write('installed/conf/defaults.ini', '');
    const environment = monitoring.pathWith({ grafana });

    const { code, output } = await monitoring.make('grafana', environment);
    expect(output).toContain(
      `Grafana runs: http://127.0.0.1:${monitoring.grafanaPort} (user admin; the password is in`,
    );
    expect(code).toBe(0);
    const pid = monitoring.pidOf('grafana');
    const { argv, env } = JSON.parse(monitoring.read('data/grafana/started.json')) as Started;
    expect(argv).toEqual(['server', '--homepath', path.join(monitoring.folder, 'installed')]);
    expectOurSettings(monitoring, env);

    const password = monitoring.read('data/grafana-password').trim();
    expect(password).toMatch(/^\S{32}$/);
    expect(statSync(path.join(monitoring.folder, 'data/grafana-password')).mode & 0o777).toBe(0o600);
    const told = [output, JSON.stringify(env), readFileSync(`/proc/${pid}/cmdline`, 'utf8')];
    expect(told.join()).not.toContain(password);

    expect((await monitoring.make('grafana', environment)).output).toMatch(/^Grafana runs already: /);
    expect((await monitoring.make('grafana-stop', environment)).output).toMatch(/^Grafana has stopped/);
    expect(await isAlive(pid)).toBe(false);
    await monitoring.make('grafana', environment);
    expect(monitoring.read('data/grafana-password').trim()).toBe(password);
    await monitoring.make('grafana-stop', environment);
  }, 60_000);

  it('without the files that belong to it, it says so', async () => {
    const monitoring = await createMonitoringFolder();
    const { code, output } = await monitoring.make('grafana', monitoring.pathWith({ grafana }));
    expect(code).not.toBe(0);
    expect(output).toContain("Grafana's files (conf/defaults.ini) were not found");
  });
});

describe('make grafana, with a program that stands in for Docker', () => {
  it('runs the pinned image on the network of the machine, as the user who asks, and removes the container', async () => {
    const monitoring = await createMonitoringFolder();
    const environment = monitoring.pathWith({ docker, contained: grafana });
    const { code, output } = await monitoring.make('grafana', environment);
    expect(output).toContain('Grafana runs: ');
    expect(code).toBe(0);
    const calls = () =>
      monitoring
        .read('installed/bin/docker.log')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string[]);
    const run = calls().find(([command]) => command === 'run') ?? [];
    expect(run.at(-1)).toMatch(pinnedImage);
    expect(readText('deploy/compose/compose.yml')).toContain(`image: ${run.at(-1)}\n`);
    const told = run.join(' ');
    expect(told).toContain('--network host');
    expect(told).toContain(`--user ${process.getuid?.()} `);
    expect(told).toContain(`/data/grafana-password:ro`);
    expect(told).not.toContain(monitoring.read('data/grafana-password').trim());
    const { env } = JSON.parse(monitoring.read('data/grafana/started.json')) as Started;
    expectOurSettings(monitoring, env);
    const { pid } = JSON.parse(monitoring.read('installed/bin/container.json')) as { pid: number };

    expect((await monitoring.make('grafana', environment)).output).toMatch(/^Grafana runs already: /);
    expect((await monitoring.make('grafana-stop', environment)).output).toMatch(/^Grafana has stopped/);
    await eventually(async () => expect(await isAlive(pid)).toBe(false));
    expect(calls().slice(-2)).toEqual([
      ['stop', '-t', '30', 'ai-cluster-grafana'],
      ['rm', 'ai-cluster-grafana'],
    ]);
  }, 60_000);

  it('leaves a container alone that was started in another folder', async () => {
    const monitoring = await createMonitoringFolder();
    const environment = monitoring.pathWith({ docker });
    monitoring.write('installed/bin/container.json', JSON.stringify({ folder: '/elsewhere', pid: 0 }));
    expect((await monitoring.make('grafana-stop', environment)).output).toBe('Grafana does not run.\n');
    const { code, output } = await monitoring.make('grafana', environment);
    expect(code).not.toBe(0);
    expect(output).toContain('There is a container ai-cluster-grafana of /elsewhere: stop it there first.');
    expect(monitoring.read('installed/bin/docker.log')).not.toMatch(/"(run|stop|rm)"/);
  });
});

describe('what Grafana is provisioned with', () => {
  it('the data source is Prometheus, wherever it is said to be, asked as often as it scrapes', () => {
    const { datasources } = readYaml<{ datasources: { url: string; jsonData: { timeInterval: string } }[] }>(
      'deploy/grafana/provisioning/datasources/prometheus.yml',
    );
    const { global } = readYaml<{ global: { scrape_interval: string } }>('prometheus.yml');
    expect(datasources).toMatchObject([
      { type: 'prometheus', url: '$PROMETHEUS_URL', jsonData: { timeInterval: global.scrape_interval } },
    ]);
  });

  it('the dashboards are those of a folder, and cannot be changed where the change would be lost', () => {
    const { providers } = readYaml<{ providers: object[] }>(
      'deploy/grafana/provisioning/dashboards/ai-cluster.yml',
    );
    expect(providers).toMatchObject([
      { type: 'file', allowUiUpdates: false, options: { path: '$DASHBOARDS_FOLDER' } },
    ]);
  });
});
