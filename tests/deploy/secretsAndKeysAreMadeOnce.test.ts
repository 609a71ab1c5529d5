import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readAdminToken } from '../../src/cli/adminToken.js';
import { readClusterToken } from '../../src/cli/clusterToken.js';
import { projectRoot, readManifests, readYaml } from './deployFiles.js';

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

it('the secrets of Compose are made once, for containers but not for other users, and are accepted', () => {
  const folder = temporaryFolder();
  const script = path.join(folder, 'make-secrets.sh');
  copyFileSync(path.join(projectRoot, 'deploy/compose/make-secrets.sh'), script);
  const names = ['cluster-token', 'admin-token', 'grafana-password'];
  const secret = (name: string) => path.join(folder, 'secrets', name);
  const read = () => names.map((name) => readFileSync(secret(name), 'utf8').trim());

  execFileSync(script);
  const made = read();
  for (const text of made) expect(text).toMatch(/^[\w-]{43}$/);
  expect(new Set(made).size).toBe(3);
  expect(modeOf(path.join(folder, 'secrets'))).toBe('700');
  expect(names.map((name) => modeOf(secret(name)))).toEqual(['644', '644', '644']);

  execFileSync(script);
  expect(read()).toEqual(made);

  const dataDir = path.join(folder, 'data');
  const [clusterTokenFile, adminTokenFile] = [secret('cluster-token'), secret('admin-token')];
  expect(readClusterToken({ dataDir, clusterTokenFile }, {})).toBe(made[0]);
  expect(readAdminToken({ dataDir, adminTokenFile }, {})).toBe(made[1]);
});

interface Containers {
  readonly spec: {
    readonly template: { readonly spec: { readonly initContainers: [{ readonly args: [string] }] } };
  };
}

it('the first API key is made once, before the first start, and the file that has it is for its owner', () => {
  const { services } = readYaml<{ services: Record<string, { command: [string] }> }>(
    'deploy/compose/compose.yml',
  );
  const deployment = readManifests('deploy/k8s/controller.yaml').find(({ kind }) => kind === 'Deployment');
  const [inKubernetes] = (deployment as unknown as Containers).spec.template.spec.initContainers[0].args;
  const inCompose = services['first-key']?.command[0] ?? '';
  expect(inKubernetes).toBe(inCompose);

  const folder = temporaryFolder();
  const data = path.join(folder, 'data');
  const bin = path.join(folder, 'bin');
  for (const made of [data, bin]) mkdirSync(made);
  symlinkSync(path.join(projectRoot, 'dist/cli/main.cjs'), path.join(bin, 'ai-cluster'));
  const env = { PATH: `${bin}:${process.env['PATH']}`, AI_CLUSTER_DATA_DIR: data };
  const makeKey = () =>
    execFileSync('sh', ['-c', inCompose.replaceAll('/data/', `${data}/`)], { env, stdio: 'pipe' });
  const key = () => readFileSync(path.join(data, 'first-key'), 'utf8');

  makeKey();
  const made = key();
  expect(made).toMatch(/^sk-[\w-]+\n$/);
  expect(modeOf(path.join(data, 'first-key'))).toBe('600');
  makeKey();
  expect(key()).toBe(made);
  const listed = execFileSync('ai-cluster', ['keys', 'list', '--json'], { env, encoding: 'utf8' });
  expect((JSON.parse(listed) as { keys: object[] }).keys).toMatchObject([{ name: 'First key' }]);
});
