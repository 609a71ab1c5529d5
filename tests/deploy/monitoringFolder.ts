import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { findFreePort } from '../support/freePort.js';
import { isAlive } from '../support/upProcess.js';
import { projectRoot } from './deployFiles.js';

const run = promisify(execFile);

/** Whether to skip tests that need this program: it is missing, and this is not CI, where that is an error. */
export function skipWithout(program: string): boolean {
  return spawnSync(program, ['--version']).error !== undefined && process.env['CI'] !== 'true';
}

/** As prometheus.yml, but in a hurry. */
const config = `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:
  - job_name: ai-cluster-controller
    file_sd_configs: [{ files: [data/prometheus/controllers*.json], refresh_interval: 1s }]
  - job_name: ai-cluster-workers
    file_sd_configs: [{ files: [data/prometheus/workers*.json], refresh_interval: 1s }]
`;

/** What the script itself uses, all of GNU's coreutils, and what the Makefile does. */
const tools = [
  ...[
    'base64',
    'cat',
    'dirname',
    'head',
    'id',
    'mkdir',
    'mv',
    'nohup',
    'readlink',
    'rm',
    'sleep',
    'tail',
    'tr',
  ],
  ...['bash', 'find', 'make'],
];

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** What the monitoring needs of the repository, in a folder of its own with ports of its own. */
export interface MonitoringFolder {
  readonly folder: string;
  readonly prometheusPort: number;
  readonly grafanaPort: number;
  make(target: string, environment?: Readonly<Record<string, string>>): Promise<Outcome>;
  read(file: string): string;
  has(file: string): boolean;
  write(file: string, text: string, mode?: number): string;
  /** A PATH with these programs and plain tools alone, whatever is installed on this machine. */
  pathWith(programs: Readonly<Record<string, string>>): { PATH: string };
  /** Of what was started as this. */
  pidOf(name: 'prometheus' | 'grafana'): number;
  setTargets(targets: { controllers: readonly string[]; workers: Readonly<Record<string, string>> }): void;
}

/** Removes the folder when the test ends, and fails the test where something still runs then. */
export async function createMonitoringFolder(): Promise<MonitoringFolder> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-monitoring-'));
  for (const part of ['Makefile', 'alerts.yml', 'dashboards', 'deploy/monitoring', 'deploy/grafana'])
    cpSync(path.join(projectRoot, part), path.join(folder, part), { recursive: true });
  mkdirSync(path.join(folder, 'src'));
  const [prometheusPort, grafanaPort] = [await findFreePort(), await findFreePort()];
  const ports = { PROMETHEUS_PORT: String(prometheusPort), GRAFANA_PORT: String(grafanaPort) };

  const at = (file: string) => path.join(folder, file);
  function write(file: string, text: string, mode = 0o644): string {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
    chmodSync(at(file), mode);
    return at(file);
  }
  write('prometheus.yml', config);
  const pidOf = (name: string) => Number(readFileSync(at(`data/run/${name}.pid`), 'utf8').split('\n')[0]);

  onTestFinished(async () => {
    const left = ['prometheus', 'grafana'].filter((name) => existsSync(at(`data/run/${name}.pid`)));
    for (const name of left) if (await isAlive(pidOf(name))) process.kill(pidOf(name), 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    folder,
    prometheusPort,
    grafanaPort,
    make: async (target, environment = {}) => {
      const options = { cwd: folder, env: { ...process.env, ...ports, ...environment } };
      try {
        const { stdout, stderr } = await run('make', ['--silent', target], options);
        return { code: 0, output: stdout + stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, output: stdout + stderr };
      }
    },
    read: (file) => readFileSync(at(file), 'utf8'),
    has: (file) => existsSync(at(file)),
    write,
    pathWith: (programs) => {
      for (const [name, text] of Object.entries(programs)) write(`installed/bin/${name}`, text, 0o755);
      mkdirSync(at('tools'));
      for (const tool of tools) {
        const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
        symlinkSync(stdout.trim(), at(`tools/${tool}`));
      }
      return { PATH: `${at('installed/bin')}:${at('tools')}` };
    },
    pidOf,
    setTargets: ({ controllers, workers }) => {
      const toGroup = (address: string, labels: object) => ({ targets: [address], labels });
      const files = {
        controllers: controllers.map((address) => toGroup(address, { role: 'controller' })),
        workers: Object.entries(workers).map(([id, address]) =>
          toGroup(address, { role: 'worker', node_id: id }),
        ),
      };
      for (const [name, groups] of Object.entries(files))
        write(`data/prometheus/${name}.json`, JSON.stringify(groups));
    },
  };
}
