import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { needsPromtool, promtool, skipWithoutPromtool } from '../monitoring/promtool.js';
import { parseDeployed, pinnedImage, projectRoot, readText, readYaml } from './deployFiles.js';

const folder = path.join(projectRoot, 'deploy/compose');

interface Service {
  readonly image: string;
  readonly build?: object;
  readonly pull_policy?: string;
  readonly restart: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly hostname?: string;
  readonly healthcheck: { readonly test?: readonly string[]; readonly disable?: boolean };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, object>>;
  readonly networks: Readonly<
    Record<string, { ipam?: { config: [{ subnet: string }] }; internal?: boolean }>
  >;
}

const compose = readYaml<Compose>('deploy/compose/compose.yml');
const services = Object.entries(compose.services);

/** As Compose does it where no variable is set. */
const withDefaults = (text: string) => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

function serviceOf(name: string): Service {
  const service = compose.services[name];
  if (!service) throw new Error(`there is no service ${name}`);
  return service;
}

function settingsOf(name: string) {
  const { command, environment = {} } = serviceOf(name);
  const [program, ...given] = command;
  const flags = Object.fromEntries(
    given.flatMap((flag, index) => (index % 2 === 0 ? [[flag.slice(2), given[index + 1] ?? '']] : [])),
  );
  const plain = Object.entries(environment).map(([key, value]) => [key, withDefaults(value)] as const);
  return parseDeployed(program as 'controller' | 'worker', Object.fromEntries(plain), flags);
}

describe('every service of compose.yml', () => {
  it.each(services)('%s is of a pinned image, or built here and never pulled', (_name, service) => {
    expect(service.image).toMatch(pinnedImage);
    if (service.build) expect(service.pull_policy).toBe('build');
  });

  it.each(services)('%s is published on 127.0.0.1 alone, if at all', (_name, { ports = [] }) => {
    for (const port of ports) expect(withDefaults(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it.each(services)('%s may write its volumes and /tmp only, and has no privileges', (_name, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
  });

  it.each(services)('%s is looked after, unless it ends by itself', (_name, { restart, healthcheck }) => {
    if (restart === 'no') expect(healthcheck.disable).toBe(true);
    else expect(healthcheck.test?.[0]).toBe('CMD');
  });

  it.each(services)('%s mounts what there is: own files only to read', (_name, { volumes = [] }) => {
    for (const volume of volumes) {
      const [source = '', , mode] = volume.split(':');
      if (!source.startsWith('.')) expect(Object.keys(compose.volumes)).toContain(source);
      else {
        expect(existsSync(path.resolve(folder, source)), source).toBe(true);
        expect(mode).toBe('ro');
      }
    }
  });
});

describe('secrets of compose.yml', () => {
  it('are files that git does not keep', () => {
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^secrets\/[a-z-]+$/);
    expect(readText('.gitignore').split('\n')).toContain('deploy/compose/secrets/');
  });

  it('reach only who needs them', () => {
    const owners = Object.keys(compose.secrets).map((secret) => [
      secret,
      services.filter(([, service]) => service.secrets?.includes(secret)).map(([name]) => name),
    ]);
    expect(Object.fromEntries(owners)).toEqual({
      'cluster-token': ['controller', 'worker-1', 'worker-2', 'prometheus'],
      'admin-token': ['controller', 'prometheus'],
      'grafana-password': ['grafana'],
    });
  });

  it('are in no environment', () => {
    for (const [, { environment = {} }] of services) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|TOKEN|SECRET/.test(name)) expect([name, value.split('/')[1]]).toEqual([name, 'run']);
      }
    }
  });
});

describe('controller and workers of compose.yml', () => {
  it('have settings that the program accepts', () => {
    expect(settingsOf('controller')).toMatchObject({ host: '0.0.0.0', port: 8080, workers: 2 });
  });

  it.each(['worker-1', 'worker-2'])('%s says by which name it is called, and is expected', (name) => {
    const settings = settingsOf(name);
    expect(settings.advertiseUrl).toBe(`http://${name}:8081`);
    expect(settings.nodeId).toBe(name.replace('-', '_'));
    expect(settings.controllerUrl).toBe(`http://${serviceOf('controller').hostname}:8080`);
  });

  it('lets in workers from its own network', () => {
    const subnet = compose.networks['cluster']?.ipam?.config[0].subnet ?? '';
    expect(settingsOf('controller').workerNetworks).toEqual([withDefaults(subnet)]);
  });

  it('keeps Grafana and Alertmanager away from the workers', () => {
    expect(serviceOf('grafana').networks).toEqual(['monitoring']);
    expect(serviceOf('alertmanager').networks).toEqual(['monitoring']);
  });
});

describe.skipIf(skipWithoutPromtool)(needsPromtool('Prometheus of compose.yml'), () => {
  it('has a configuration and rules that Prometheus accepts', async () => {
    const temporary = mkdtempSync(path.join(tmpdir(), 'ai-cluster-compose-'));
    onTestFinished(() => rmSync(temporary, { recursive: true }));
    for (const secret of ['admin-token', 'cluster-token']) writeFileSync(path.join(temporary, secret), 'x');
    const text = readFileSync(path.join(folder, 'prometheus.yml'), 'utf8');
    writeFileSync(
      path.join(temporary, 'prometheus.yml'),
      text.replaceAll('/run/secrets/', `${temporary}/`).replace('alerts.yml', `${projectRoot}alerts.yml`),
    );
    const result = await promtool(['check', 'config', path.join(temporary, 'prometheus.yml')]);
    expect(result.output).toContain('SUCCESS');
    expect(result.ok).toBe(true);
  });

  it('names the jobs as prometheus.yml does', () => {
    const jobsOf = (file: string) =>
      readYaml<{ scrape_configs: { job_name: string }[] }>(file).scrape_configs.map((job) => job.job_name);
    expect(jobsOf('deploy/compose/prometheus.yml')).toEqual(jobsOf('prometheus.yml'));
  });
});
