import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { needsPromtool, promtool, skipWithoutPromtool } from '../monitoring/promtool.js';
import { readManifests, readText, readYaml, type Manifest } from './deployFiles.js';

interface ScrapeConfig {
  readonly job_name: string;
  readonly authorization: { readonly credentials_file: string };
  readonly kubernetes_sd_configs: readonly {
    readonly role: string;
    readonly namespaces: { readonly own_namespace: boolean };
    readonly selectors: readonly { readonly label: string }[];
  }[];
}

const manifests = readManifests('deploy/prometheus/prometheus-k8s.yaml');

function specOf<T>(kind: string): T {
  const found = manifests.find((manifest) => manifest.kind === kind);
  if (!found) throw new Error(`there is no ${kind}`);
  return found as T & Manifest;
}

const config = specOf<{ data: Record<string, string> }>('ConfigMap').data['prometheus.yml'] ?? '';
const { scrape_configs: jobs } = parse(config) as { scrape_configs: ScrapeConfig[] };

describe('deploy/prometheus/prometheus-k8s.yaml', () => {
  it('is a Deployment with an account, rights, a volume and a Service', () => {
    const kinds = manifests.map(({ kind }) => kind);
    expect(kinds).toEqual(
      expect.arrayContaining([
        'Deployment',
        'ServiceAccount',
        'Role',
        'RoleBinding',
        'PersistentVolumeClaim',
        'Service',
      ]),
    );
  });

  it('may look at pods of its namespace and do nothing else', () => {
    expect(manifests.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    expect(specOf<{ rules: object[] }>('Role').rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    const { roleRef, subjects } = specOf<{ roleRef: object; subjects: object[] }>('RoleBinding');
    expect(roleRef).toMatchObject({ kind: 'Role', name: 'prometheus' });
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'prometheus', namespace: 'ai-cluster' }]);
  });

  it('asks for no more than that', () => {
    for (const { kubernetes_sd_configs: configs } of jobs)
      expect(configs).toMatchObject([{ role: 'pod', namespaces: { own_namespace: true } }]);
  });

  it('scrapes the same jobs as prometheus.yml, each with the token that is asked for there', () => {
    const root = readYaml<{ scrape_configs: ScrapeConfig[] }>('prometheus.yml');
    expect(jobs.map((job) => job.job_name)).toEqual(root.scrape_configs.map((job) => job.job_name));
    const tokens = jobs.map(({ authorization, kubernetes_sd_configs: [sd] }) => [
      path.basename(authorization.credentials_file),
      sd?.selectors[0]?.label.split('component=')[1],
    ]);
    expect(tokens).toEqual([
      ['admin-token', 'controller'],
      ['cluster-token', 'worker'],
    ]);
  });

  it('keeps data for a set time and size, within the volume', () => {
    const { spec } = specOf<{
      spec: { template: { spec: { containers: [{ args: string[] }] } } };
    }>('Deployment');
    const { args } = spec.template.spec.containers[0];
    const size = Number(args.find((arg) => arg.includes('retention.size='))?.match(/=(\d+)GB$/)?.[1]);
    const claim = specOf<{ spec: { resources: { requests: { storage: string } } } }>('PersistentVolumeClaim');
    expect(size).toBeLessThan(0.9 * parseInt(claim.spec.resources.requests.storage));
    expect(args.some((arg) => /retention\.time=\d+d$/.test(arg))).toBe(true);
  });

  it('has the rules of alerts.yml: deploy/prometheus/write-rules.sh writes them', () => {
    const [rules] = readManifests('deploy/prometheus/rules.yaml') as unknown as [{ data: object }];
    expect(rules.data).toEqual({ 'alerts.yml': readText('alerts.yml') });
  });
});

/** Its file with the rules and secrets beside it, as they are in the pod; removed when the test ends. */
function writeConfig(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-k8s-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const secret of ['admin-token', 'cluster-token']) writeFileSync(path.join(folder, secret), 'x');
  writeFileSync(path.join(folder, 'alerts.yml'), readText('alerts.yml'));
  const file = path.join(folder, 'prometheus.yml');
  writeFileSync(file, text.replaceAll('/run/secrets/ai-cluster/', `${folder}/`));
  return file;
}

interface Pod {
  readonly address: string;
  /** `pod_name` is `__meta_kubernetes_pod_name`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What Prometheus knows of a container of a pod, in place of asking Kubernetes. */
function withPods(...pods: readonly Pod[]): string {
  const document = parse(config) as { scrape_configs: Partial<ScrapeConfig>[] };
  return stringify({
    ...document,
    scrape_configs: document.scrape_configs.map(({ kubernetes_sd_configs: _sd, ...job }) => ({
      ...job,
      static_configs: pods.map(({ address, labels }) => ({
        targets: [address],
        labels: Object.fromEntries(
          Object.entries({ pod_phase: 'Running', ...labels }).map(([name, value]) => [
            `__meta_kubernetes_${name}`,
            value,
          ]),
        ),
      })),
    })),
  });
}

const worker = {
  pod_name: 'ai-cluster-worker-0',
  pod_label_app_kubernetes_io_component: 'worker',
  pod_annotation_prometheus_io_scrape: 'true',
  pod_annotation_prometheus_io_port: '8081',
  pod_annotation_prometheus_io_path: '/metrics',
};

async function discover(job: string, ...pods: readonly Pod[]): Promise<object[]> {
  // It waits for so long that something may still be discovered.
  const patience = ['check', 'service-discovery', '--timeout=2s'];
  const { output, ok } = await promtool([...patience, writeConfig(withPods(...pods)), job]);
  expect(ok, output).toBe(true);
  const found = JSON.parse(output) as { labels: Record<string, string> }[];
  return found.map(({ labels }) => labels).filter((labels) => Object.keys(labels).length > 0);
}

describe.skipIf(skipWithoutPromtool)(needsPromtool('its configuration'), () => {
  it('is accepted by Prometheus', async ({ skip }) => {
    const result = await promtool(['check', 'config', writeConfig(config)]);
    if (result.output.includes('field kubernetes_sd_configs not found'))
      skip('this promtool is built without Kubernetes, as that of Debian is');
    expect(result.output).toMatch(/SUCCESS: \S+ is valid/);
    expect(result.ok).toBe(true);
  });

  it('is accepted, and its rules, where the pods are given instead of asked for', async () => {
    const result = await promtool(['check', 'config', writeConfig(withPods())]);
    expect(result.output).toMatch(/SUCCESS: \S+ is valid/);
    expect(result.output).toMatch(/SUCCESS: \d+ rules found/);
    expect(result.ok).toBe(true);
  });

  it.each([
    ['10.1.2.3:8081', '10.1.2.3:8081'],
    // A container that names no port.
    ['10.1.2.3', '10.1.2.3:8081'],
    ['[fd00::7]:9999', '[fd00::7]:8081'],
  ])('of the annotations of the pod at %s it makes the target %s', async (address, target) => {
    expect(await discover('ai-cluster-workers', { address, labels: worker })).toEqual([
      {
        __address__: target,
        __metrics_path__: '/metrics',
        __scheme__: 'http',
        __scrape_interval__: '15s',
        __scrape_timeout__: '10s',
        instance: target,
        job: 'ai-cluster-workers',
        role: 'worker',
        node_id: 'ai-cluster-worker-0',
      },
    ]);
  });

  it('a controller is no node', async () => {
    const labels = { ...worker, pod_label_app_kubernetes_io_component: 'controller' };
    const [target] = await discover('ai-cluster-controller', { address: '10.1.2.3:8080', labels });
    expect(target).toMatchObject({ role: 'controller' });
    expect(target).not.toHaveProperty('node_id');
  });

  it.each([
    ['asks for no scrapes', { pod_annotation_prometheus_io_scrape: 'false' }],
    ['has not begun', { pod_phase: 'Pending' }],
    ['has ended', { pod_phase: 'Failed' }],
    ['is the container before', { pod_container_init: 'true' }],
  ])('leaves out what %s', async (_what, labels) => {
    const pod = { address: '10.1.2.3:8081', labels: { ...worker, ...labels } };
    expect(await discover('ai-cluster-workers', pod)).toEqual([]);
  });
});
