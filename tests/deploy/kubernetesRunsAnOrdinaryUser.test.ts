import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDeployed, projectRoot, readManifests, readYaml, type Manifest } from './deployFiles.js';

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly exec?: { readonly command: readonly string[] };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: object }[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly securityContext: object;
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly startupProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly securityContext: object;
  readonly containers: readonly [Container];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly items?: readonly { readonly key: string }[] };
  }[];
}

interface Workload extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly strategy?: { readonly type: string };
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

interface Service extends Manifest {
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
    readonly publishNotReadyAddresses?: boolean;
  };
}

const manifests = readManifests(
  'deploy/k8s/namespace.yaml',
  'deploy/k8s/controller.yaml',
  'deploy/k8s/workers.yaml',
  'deploy/k8s/network-policies.yaml',
  'deploy/prometheus/prometheus-k8s.yaml',
  'deploy/prometheus/rules.yaml',
);

function find<T extends Manifest>(kind: string, name: string): T {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found as T;
}

const controller = find<Workload>('Deployment', 'ai-cluster-controller');
const workers = find<Workload>('StatefulSet', 'ai-cluster-worker');
const prometheus = find<Workload>('Deployment', 'prometheus');
const workloads = [controller, workers, prometheus].map(
  (workload) => [workload.metadata.name, workload] as const,
);
const services = manifests
  .filter(({ kind }) => kind === 'Service')
  .map((service) => [service.metadata.name, service as Service] as const);

const podOf = ({ spec }: Workload) => spec.template.spec;
const containerOf = (workload: Workload) => podOf(workload).containers[0];
const secretKeysOf = (workload: Workload) =>
  podOf(workload).volumes.flatMap(({ secret }) => secret?.items?.map(({ key }) => key) ?? []);

function settingsOf(workload: Workload) {
  const { args = [], env = [] } = containerOf(workload);
  const values = env
    .filter(({ name }) => name.startsWith('AI_CLUSTER_'))
    .map(({ name, value }) => [name, value?.replace('$(POD_IP)', '10.1.2.3') ?? 'from-the-pod'] as const);
  return parseDeployed(args[0] as 'controller' | 'worker', Object.fromEntries(values));
}

describe('every pod', () => {
  it.each(workloads)('%s meets what the namespace demands (restricted)', (_name, workload) => {
    const { securityContext, containers, initContainers = [] } = podOf(workload);
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const container of [...containers, ...initContainers]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources.limits.memory).toMatch(/^\d+(Mi|Gi)$/);
    }
  });

  it.each(workloads)(
    '%s is found by its own selector and has the volumes that it mounts',
    (_name, workload) => {
      const { selector, template, volumeClaimTemplates = [] } = workload.spec;
      expect(template.metadata.labels).toEqual(selector.matchLabels);
      const volumes = [
        ...podOf(workload).volumes.map(({ name }) => name),
        ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
      ];
      const { containers, initContainers = [] } = podOf(workload);
      for (const { volumeMounts } of [...containers, ...initContainers])
        for (const { name } of volumeMounts) expect(volumes).toContain(name);
    },
  );

  it.each(workloads)('%s gets no variables that Kubernetes makes of Services', (_name, workload) => {
    expect(podOf(workload).enableServiceLinks).toBe(false);
  });

  it('those of the cluster have no account of Kubernetes', () => {
    for (const workload of [controller, workers])
      expect(podOf(workload).automountServiceAccountToken).toBe(false);
  });

  it('the secrets are nowhere but in a Secret that is not kept here', () => {
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    expect(secretKeysOf(workers)).toEqual(['cluster-token']);
  });
});

describe('controller and workers', () => {
  it('have settings that the program accepts', () => {
    expect(settingsOf(controller)).toMatchObject({ host: '0.0.0.0', port: 8080, workers: 0 });
    expect(settingsOf(workers)).toMatchObject({
      host: '0.0.0.0',
      workerPort: 8081,
      advertiseUrl: 'http://10.1.2.3:8081',
      controllerUrl: 'http://ai-cluster-controller:8080',
    });
  });

  it('a variable is defined before the one that is made of it', () => {
    const names = (containerOf(workers).env ?? []).map(({ name }) => name);
    expect(names.indexOf('POD_IP')).toBeLessThan(names.indexOf('AI_CLUSTER_ADVERTISE_URL'));
    expect(names).toContain('POD_IP');
  });

  it('a data folder has one controller', () => {
    expect(controller.spec.replicas).toBe(1);
    expect(controller.spec.strategy?.type).toBe('Recreate');
  });

  it('workers reach a controller that is not ready, which it is only with workers', () => {
    const [join, clients] = [
      find<Service>('Service', 'ai-cluster-controller'),
      find<Service>('Service', 'ai-cluster'),
    ];
    expect(join.spec.publishNotReadyAddresses).toBe(true);
    expect(clients.spec.publishNotReadyAddresses).toBeUndefined();
    expect(containerOf(controller).readinessProbe.httpGet?.path).toBe('/ready');
    const { hostname, port } = new URL(settingsOf(workers).controllerUrl ?? '');
    expect([hostname, Number(port)]).toEqual([join.metadata.name, join.spec.ports[0]?.port]);
  });

  it('a controller without workers is not started again for it', () => {
    expect(containerOf(controller).livenessProbe.exec?.command).toContain('--answers');
    expect(containerOf(workers).livenessProbe.httpGet?.path).toBe('/health');
  });

  it('the names of the Service are known to the controller', () => {
    const name = find<Service>('Service', 'ai-cluster').metadata.name;
    expect(settingsOf(controller).allowedHosts).toEqual([
      name,
      `${name}.ai-cluster`,
      `${name}.ai-cluster.svc`,
      `${name}.ai-cluster.svc.cluster.local`,
    ]);
  });

  it.each([
    ['controller', controller],
    ['workers', workers],
  ])('the annotations of the %s name the port that is there', (_name, workload) => {
    const [port] = containerOf(workload).ports ?? [];
    expect(workload.spec.template.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(port?.containerPort),
      'prometheus.io/path': '/metrics',
    });
  });

  it.each(services)('the Service %s leads to pods and ports that there are', (_name, { spec }) => {
    const [workload] = workloads
      .map(([, candidate]) => candidate)
      .filter(({ spec: { template } }) =>
        Object.entries(spec.selector).every(([label, value]) => template.metadata.labels[label] === value),
      );
    if (!workload) throw new Error('it leads nowhere');
    const [port] = containerOf(workload).ports ?? [];
    expect(spec.ports).toMatchObject([{ port: port?.containerPort, targetPort: port?.name }]);
  });
});

it('the PodMonitors give the jobs the names that alerts and dashboards select by', () => {
  interface PodMonitor extends Manifest {
    readonly spec: {
      readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
      readonly podMetricsEndpoints: readonly {
        readonly authorization: { readonly credentials: { readonly key: string } };
        readonly relabelings: readonly { readonly targetLabel: string; readonly replacement?: string }[];
      }[];
    };
  }
  const monitors = readManifests('deploy/k8s/prometheus-operator/podmonitor.yaml') as PodMonitor[];
  const jobs = monitors.map(({ spec: { selector, podMetricsEndpoints } }) => [
    podMetricsEndpoints[0]?.relabelings.find(({ targetLabel }) => targetLabel === 'job')?.replacement,
    selector.matchLabels['app.kubernetes.io/component'],
    podMetricsEndpoints[0]?.authorization.credentials.key,
  ]);
  expect(jobs).toEqual([
    ['ai-cluster-controller', 'controller', 'admin-token'],
    ['ai-cluster-workers', 'worker', 'cluster-token'],
  ]);
  const root = readYaml<{ scrape_configs: { job_name: string }[] }>('prometheus.yml');
  expect(jobs.map(([job]) => job)).toEqual(root.scrape_configs.map(({ job_name: job }) => job));
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).error === undefined;

it.skipIf(!hasKubectl)('kubectl builds all of it from the kustomization (skipped without kubectl)', () => {
  const { stdout, stderr } = spawnSync('kubectl', ['kustomize', 'deploy/k8s'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const built = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  const own = readManifests(
    ...readYaml<{ resources: string[] }>('deploy/k8s/kustomization.yaml').resources.map(
      (file) => `deploy/k8s/${file}`,
    ),
  );
  const namesOf = (list: readonly Manifest[]) =>
    list.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
  expect(namesOf(built)).toEqual(namesOf(own));
  const images = stdout.match(/image: \S+/g) ?? [];
  expect(images).toHaveLength(3);
  expect(new Set(images)).toEqual(new Set(['image: registry.example.com/ai-cluster:0.1.0']));
});
