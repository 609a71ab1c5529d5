import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, readManifests, type Manifest } from './deployFiles.js';
import { findTypeErrors } from '../support/typeErrors.js';

const manifests = readManifests(
  'deploy/k8s/namespace.yaml',
  'deploy/k8s/controller.yaml',
  'deploy/k8s/workers.yaml',
  'deploy/k8s/network-policies.yaml',
  'deploy/k8s/prometheus-operator/podmonitor.yaml',
  'deploy/prometheus/prometheus-k8s.yaml',
  'deploy/prometheus/rules.yaml',
);
const named = manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const);

/** The module with the class and the type of a kind. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const models = apiVersion.startsWith('monitoring.coreos.com')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models';
  return `${models}/${apiVersion}/${kind}`;
}

async function validate(manifest: Manifest): Promise<void> {
  const models = (await import(/* @vite-ignore */ moduleOf(manifest))) as Record<
    string,
    new (data: object) => { validate(): void }
  >;
  const Model = models[manifest.kind];
  if (!Model) throw new Error(`there is no schema of ${manifest.kind}`);
  new Model(manifest).validate();
}

/** The Deployment of the controller with something wrong in it. */
function spoil(text: string, by: string): Manifest {
  const controller = manifests.find(({ kind }) => kind === 'Deployment');
  const whole = JSON.stringify(controller);
  expect(whole).toContain(text);
  return JSON.parse(whole.replace(text, by)) as Manifest;
}

describe('every object of Kubernetes', () => {
  it.each(named)('%s has the required fields, and values that are accepted', async (_name, manifest) => {
    await validate(manifest);
  });

  it('would be refused with another value', async () => {
    await expect(validate(spoil('"replicas":1', '"replicas":"one"'))).rejects.toThrow('replicas');
  });

  it('has no field that Kubernetes does not know', () => {
    expect(findManifestErrors(manifests)).toEqual([]);
  }, 120_000);

  it('would be refused with one', () => {
    const [error] = findManifestErrors([spoil('"livenessProbe"', '"livelinessProbe"')]);
    expect(error).toMatch(/livelinessProbe.* does not exist/);
  }, 120_000);
});

/** Schemas let unknown fields pass; the types do not, where a value is written down as a literal. */
function findManifestErrors(values: readonly Manifest[]): string[] {
  const source = values
    .map((value, index) => {
      const type = `import('${moduleOf(value)}').I${value.kind}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(value)};`;
    })
    .join('\n');
  return findTypeErrors(path.join(projectRoot, 'tests/deploy/manifests.ts'), source);
}

it('the linter of Compose has nothing against compose.yml but the order of its keys', () => {
  // From general to particular, as one reads it, and not by the alphabet.
  const orders = ['service-keys-order', 'services-alphabetical-order', 'top-level-properties-order'];
  const { status, stdout, stderr } = spawnSync(
    path.join(projectRoot, 'node_modules/.bin/dclint'),
    ['deploy/compose/compose.yml', '--max-warnings', '0', '--disable-rule', ...orders],
    { cwd: projectRoot, encoding: 'utf8' },
  );
  expect((stdout + stderr).trim()).toBe('');
  expect(status).toBe(0);
});
