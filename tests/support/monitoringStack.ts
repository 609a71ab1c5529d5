import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { request } from 'undici';
import { parse, stringify } from 'yaml';
import { startProcess, type RunningProcess } from '../../chaos/support/childProcess.js';
import { eventually } from './eventually.js';
import { findFreePort } from './freePort.js';

/** A real Prometheus and Alertmanager, and a webhook that alerts arrive at. */
export interface MonitoringStack {
  /** The series that an expression gives now. */
  query(expression: string): Promise<QueryResult[]>;
  /** The one number that an expression gives; 0 where it gives none. */
  value(expression: string): Promise<number>;
  /** What arrived at the webhook so far, oldest first. */
  notices(): readonly AlertNotice[];
  close(): Promise<void>;
}

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface AlertNotice {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
}

const alertmanager = ['prometheus-alertmanager', 'alertmanager'].find(
  (program) => spawnSync(program, ['--version']).error === undefined,
);
export const hasMonitoringStack =
  spawnSync('prometheus', ['--version']).error === undefined && alertmanager !== undefined;

interface Rules {
  readonly groups: { interval: string; rules: { for?: string }[] }[];
}

interface Config {
  global: Record<string, string>;
  rule_files: string[];
  alerting: unknown;
  scrape_configs: { file_sd_configs: { files: string[]; refresh_interval: string }[] }[];
}

/**
 * Starts both with the files of `root`, faster: they scrape and evaluate every second, and what an alert waits for takes
 * a second a minute.
 *
 * @param dataDir that of the controller, with its targets
 */
export async function startMonitoringStack(
  root: string,
  { folder, dataDir }: { folder: string; dataDir: string },
): Promise<MonitoringStack> {
  const notices: AlertNotice[] = [];
  const webhook = createServer((req, res) => {
    void readBody(req).then((body) => {
      notices.push(...(JSON.parse(body) as { alerts: AlertNotice[] }).alerts);
      res.end();
    });
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  const [prometheusPort, alertmanagerPort] = [await findFreePort(), await findFreePort()];
  await mkdir(folder, { recursive: true });

  const rules = parse(await readFile(path.join(root, 'alerts.yml'), 'utf8')) as Rules;
  for (const group of rules.groups) {
    group.interval = '1s';
    for (const rule of group.rules) if (rule.for) rule.for = rule.for.replace('m', 's');
  }
  const config = parse(await readFile(path.join(root, 'prometheus.yml'), 'utf8')) as Config;
  config.global = { scrape_interval: '1s', evaluation_interval: '1s', scrape_timeout: '1s' };
  config.alerting = {
    alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }],
  };
  for (const { file_sd_configs: discoveries } of config.scrape_configs) {
    for (const discovery of discoveries) {
      discovery.files = discovery.files.map((file) => path.join(dataDir, path.relative('data', file)));
      discovery.refresh_interval = '1s';
    }
  }
  const route = { receiver: 'webhook', group_by: ['...'], group_wait: '0s', group_interval: '1s' };
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  const receivers = [{ name: 'webhook', webhook_configs: [{ url, send_resolved: true }] }];
  await writeFile(path.join(folder, 'alerts.yml'), stringify(rules));
  await writeFile(path.join(folder, 'prometheus.yml'), stringify(config));
  await writeFile(path.join(folder, 'alertmanager.yml'), stringify({ route, receivers }));

  const start = (file: string, args: readonly string[]): RunningProcess =>
    startProcess({ file, args, logFile: path.join(folder, `${path.basename(file)}.log`) });
  const processes = [
    start(alertmanager ?? '', [
      `--config.file=${path.join(folder, 'alertmanager.yml')}`,
      `--storage.path=${path.join(folder, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    ]),
    start('prometheus', [
      `--config.file=${path.join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ]),
  ];
  const origin = `http://127.0.0.1:${prometheusPort}`;

  const close = async () => {
    for (const running of processes) running.kill('SIGTERM');
    await Promise.all(processes.map(({ exited }) => exited));
    webhook.close();
    webhook.closeAllConnections();
  };
  try {
    await eventually(async () => {
      for (const ready of [`${origin}/-/ready`, `http://127.0.0.1:${alertmanagerPort}/-/ready`]) {
        const { statusCode, body } = await request(ready);
        await body.dump();
        if (statusCode !== 200) throw new Error(`${ready} answers ${statusCode}`);
      }
    });
  } catch (error) {
    await close();
    throw error;
  }

  async function query(expression: string): Promise<QueryResult[]> {
    const { body } = await request(`${origin}/api/v1/query`, { query: { query: expression } });
    const answer = (await body.json()) as QueryAnswer;
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  return {
    query,
    value: async (expression) => (await query(expression)).reduce((sum, { value }) => sum + value, 0),
    notices: () => notices,
    close,
  };
}

type QueryAnswer =
  | { status: 'error'; error: string }
  | {
      status: 'success';
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };

async function readBody(message: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of message) body += String(chunk);
  return body;
}
