import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startServerProcess, type ServerProcess } from '../support/serverProcess.js';
import { benchModel } from './paced.js';

/** What stands between the client and the upstream. */
export interface Gateway {
  readonly name: string;
  /** Where chat completions are asked for. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The process that was started; its children belong to it. Undefined where there is none. */
  readonly pid: number | undefined;
  close(): Promise<void>;
}

export interface GatewayPlan {
  readonly name: string;
  /** Undefined where it can be measured here; else what is missing. */
  missing(): string | undefined;
  start(upstream: ServerProcess, folder: string): Promise<Gateway>;
}

const chatPath = '/v1/chat/completions';
const mainFile = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));

/** Straight to the upstream: what all others are compared with. */
export const direct: GatewayPlan = {
  name: 'direct',
  missing: () => undefined,
  start: (upstream) =>
    Promise.resolve({
      name: 'direct',
      url: `${upstream.url}${chatPath}`,
      headers: {},
      pid: undefined,
      close: () => Promise.resolve(),
    }),
};

function toGateway(name: string, server: ServerProcess, headers: Gateway['headers'] = {}): Gateway {
  return { name, url: `${server.url}${chatPath}`, headers, pid: server.pid, close: server.close };
}

/** The controller as `up` runs it, in front of the worker's protocol. */
export function toAiCluster(name: string, args: readonly string[] = []): GatewayPlan {
  return {
    name,
    missing: () => (existsSync(mainFile) ? undefined : 'npm run build'),
    start: async (upstream, folder) => {
      const server = await startServerProcess({
        name,
        file: process.execPath,
        toArgs: (port) => [
          ...[mainFile, 'controller', '--port', `${port}`, '--workers', '1'],
          ...[
            '--log-dir',
            path.join(folder, `${name}-logs`),
            '--data-dir',
            path.join(folder, `${name}-data`),
          ],
          ...args,
        ],
        healthPath: '/v1/models',
        folder,
      });
      await fetch(`${upstream.url}/join`, { method: 'POST', body: server.url });
      while ((await fetch(`${server.url}/ready`)).status !== 200) await delay(50);
      return toGateway(name, server);
    },
  };
}

/** One process with one worker, connections to the upstream kept, nothing buffered. */
const nginx: GatewayPlan = {
  name: 'nginx',
  missing: () => whichMissing('nginx', 'apt-get install nginx-light'),
  start: async (upstream, folder) => {
    const server = await startServerProcess({
      name: 'nginx',
      file: 'nginx',
      toArgs: (port) => {
        const file = path.join(folder, 'nginx.conf');
        writeFileSync(file, toNginxConfig(port, new URL(upstream.url).host, folder));
        return ['-c', file, '-p', folder, '-e', path.join(folder, 'nginx-error.log')];
      },
      healthPath: '/health',
      folder,
    });
    return toGateway('nginx', server);
  },
};

function toNginxConfig(port: number, upstreamHost: string, folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/nginx-${kind};`,
  );
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
events { worker_connections 10000; }
http {
  ${temporary.join('\n  ')}
  access_log ${folder}/nginx-access.log;
  upstream workers { server ${upstreamHost}; keepalive 4096; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    keepalive_requests 1000000;
    location / {
      proxy_pass http://workers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

/** `LITELLM` names the program of an installed litellm[proxy]. */
const liteLlm: GatewayPlan = {
  name: 'LiteLLM',
  missing: () =>
    whichMissing(process.env['LITELLM'] ?? 'litellm', "pip install 'litellm[proxy]', LITELLM=…/bin/litellm"),
  start: async (upstream, folder) => {
    const server = await startServerProcess({
      name: 'litellm',
      file: process.env['LITELLM'] ?? 'litellm',
      toArgs: (port) => {
        const file = path.join(folder, 'litellm.yaml');
        writeFileSync(file, toLiteLlmConfig(upstream.url));
        return ['--config', file, '--host', '127.0.0.1', '--port', `${port}`, '--telemetry', 'False'];
      },
      healthPath: '/health/liveliness',
      folder,
    });
    return toGateway('LiteLLM', server, { authorization: 'Bearer unused' });
  },
};

function toLiteLlmConfig(upstreamUrl: string): string {
  return `
model_list:
  - model_name: ${benchModel}
    litellm_params:
      model: openai/${benchModel}
      api_base: ${upstreamUrl}/v1
      api_key: unused
litellm_settings:
  num_retries: 0
  drop_params: true
general_settings:
  dangerously_permit_weak_or_unset_master_key: true
`;
}

/** `PORTKEY` names the build/start-server.js of an installed @portkey-ai/gateway. */
const portkey: GatewayPlan = {
  name: 'Portkey',
  missing: () => {
    const file = process.env['PORTKEY'];
    return file && existsSync(file)
      ? undefined
      : 'npm install @portkey-ai/gateway, PORTKEY=…/@portkey-ai/gateway/build/start-server.js';
  },
  start: async (upstream, folder) => {
    const server = await startServerProcess({
      name: 'portkey',
      file: process.execPath,
      toArgs: (port) => [process.env['PORTKEY'] ?? '', `--port=${port}`, '--headless'],
      healthPath: '/',
      folder,
    });
    return toGateway('Portkey', server, {
      authorization: 'Bearer unused',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${upstream.url}/v1`,
    });
  },
};

function whichMissing(program: string, remedy: string): string | undefined {
  const candidates = program.includes('/')
    ? [program]
    : [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'].map((folder) => path.join(folder, program));
  return candidates.some((file) => existsSync(file)) ? undefined : remedy;
}

export const gatewayPlans: readonly GatewayPlan[] = [
  direct,
  nginx,
  toAiCluster('ai-cluster'),
  portkey,
  liteLlm,
];
