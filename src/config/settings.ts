import { cacheSharings, routingPolicyNames } from '../protocol/routing.js';
import { observabilitySettings } from './observabilitySettings.js';
import { serving, type CommandName, type Setting } from './setting.js';
import {
  cidr,
  controllerOrigin,
  hostName,
  webOrigin,
  httpOrigin,
  httpUrl,
  integer,
  listenAddress,
  nodeId,
  oneOf,
  text,
} from './settingKinds.js';

/**
 * Every setting, once: the command line, the environment, `--help` and the messages for bad values are made from
 * this table. A setting is read from its flag, else from `AI_CLUSTER_` and the flag in capitals, else its default.
 */

const withWorkers = ['up', 'worker'] as const;

/** Of the commands that ask a controller. */
const controllerAddress = { description: 'address of the controller' };
const controllerPort = { description: 'port of the controller' };
const controllerFolder = { description: 'data folder of the controller, with its admin token' };
const controllerToAsk = { description: 'the controller to ask (default: from --host and --port)' };

export const settings = {
  host: {
    flag: 'host',
    commands: [...serving, 'status', 'nodes'],
    value: '<address>',
    description: 'address to listen on',
    defaultText: '127.0.0.1',
    ...listenAddress,
    forCommand: { status: controllerAddress, nodes: controllerAddress },
  },
  port: {
    flag: 'port',
    commands: ['up', 'controller', 'status', 'nodes'],
    value: '<port>',
    description: 'port of the controller, the endpoint for clients; 0 picks a free one',
    defaultText: '8080',
    ...integer(0, 65535),
    forCommand: { status: controllerPort, nodes: controllerPort },
  },
  workers: {
    flag: 'workers',
    commands: ['up', 'controller'],
    value: '<count>',
    description: 'workers to expect, worker_1 and so on: shown before they have joined',
    defaultText: '2',
    ...integer(0, 64),
    forCommand: { up: { description: 'local worker processes, 1 to 64', ...integer(1, 64) } },
  },
  workerPort: {
    flag: 'worker-port',
    commands: withWorkers,
    value: '<port>',
    description: 'port of the first worker, the next ones follow; 0 picks free ones',
    defaultText: '8081',
    ...integer(0, 65535),
    forCommand: { worker: { description: 'port to listen on; 0 picks a free one' } },
  },
  models: {
    flag: 'model',
    commands: [...serving],
    value: '<name|path|hf:owner/repo/file.gguf>',
    description:
      'model to serve (a catalog name, a GGUF file, a file on Hugging Face); repeat for more than one',
    defaultText: 'smollm2-135m-instruct',
    repeatable: true,
    ...text(),
    forCommand: {
      controller: {
        description: 'model to list before a worker has joined with it; repeat for more than one',
      },
    },
  },
  slots: {
    flag: 'slots',
    commands: withWorkers,
    value: '<count>',
    description: 'requests that a worker runs at once, for each model',
    defaultText: '4',
    ...integer(1, 256),
  },
  contextTokens: {
    flag: 'context',
    commands: withWorkers,
    value: '<tokens>',
    description: 'context of each slot: prompt and answer together',
    defaultText: '4096',
    ...integer(64, 1048576),
  },
  threads: {
    flag: 'threads',
    commands: withWorkers,
    value: '<count>',
    description: 'CPU threads of each worker (default: the cores, shared evenly by the workers)',
    ...integer(1, 1024),
    forCommand: { worker: { description: 'CPU threads (default: one for each core)' } },
  },
  gpu: {
    flag: 'gpu',
    commands: withWorkers,
    value: '<auto|off>',
    description: 'use a GPU where llama.cpp finds one',
    defaultText: 'auto',
    ...oneOf(['auto', 'off']),
  },
  gpuLayers: {
    flag: 'gpu-layers',
    commands: withWorkers,
    value: '<count>',
    description: 'layers of the model to put on the GPU (default: as many as fit)',
    ...integer(0, 1024),
  },
  prefixCacheMegabytes: {
    flag: 'prefix-cache',
    commands: withWorkers,
    value: '<MB>',
    description: 'disk space of each worker for prompts that had to leave their slot; 0: none are kept',
    defaultText: '1024',
    ...integer(0, 1_000_000),
  },
  routing: {
    flag: 'routing',
    commands: ['up', 'controller'],
    value: '<policy>',
    description: 'how a worker is chosen: prefix-aware, least-busy or round-robin',
    defaultText: routingPolicyNames[0],
    ...oneOf(routingPolicyNames),
  },
  cacheSharing: {
    flag: 'cache-sharing',
    commands: ['up', 'controller'],
    value: '<keys|all>',
    description:
      'who shares cached prompts: each API key with itself, or all with each other (faster, but an answer that comes sooner tells that somebody sent the same)',
    defaultText: cacheSharings[0],
    ...oneOf(cacheSharings),
  },
  queueLimit: {
    flag: 'queue-limit',
    commands: ['up', 'controller'],
    value: '<requests>',
    description: 'requests that may wait for a slot, for each model; more are answered 503',
    defaultText: '512',
    ...integer(0, 100000),
  },
  queuePromptMegabytes: {
    flag: 'queue-prompts',
    commands: ['up', 'controller'],
    value: '<MB>',
    description: 'size of the prompts that may wait for a slot, for each model; more are answered 503',
    defaultText: '64',
    // One body of the largest size that is accepted has to fit.
    ...integer(11, 100000),
  },
  queueTimeoutSeconds: {
    flag: 'queue-timeout',
    commands: ['up', 'controller'],
    value: '<seconds>',
    description: 'longest wait for a slot; then 504',
    defaultText: '120',
    ...integer(1, 3600),
  },
  workerSilenceSeconds: {
    flag: 'worker-silence',
    commands: ['up', 'controller'],
    value: '<seconds>',
    description:
      'a worker that says nothing of a request for so long is given up; it says something every second',
    defaultText: '5',
    ...integer(2, 600),
  },
  requestTimeoutSeconds: {
    flag: 'request-timeout',
    commands: ['up', 'controller'],
    value: '<seconds>',
    description:
      'longest time for a whole request; then 504. x-request-timeout-ms may ask for less, not for more',
    defaultText: '3600',
    ...integer(1, 86400),
  },
  drainTimeoutSeconds: {
    flag: 'drain-timeout',
    commands: [...serving],
    value: '<seconds>',
    description: 'time that running requests have to finish when the process is told to stop',
    defaultText: '30',
    ...integer(0, 3600),
  },
  logDir: {
    flag: 'log-dir',
    commands: [...serving],
    value: '<folder>',
    description: 'folder of combined.log and error.log',
    defaultText: 'logs',
    ...text(),
  },
  logLevel: {
    flag: 'log-level',
    commands: [...serving],
    value: '<level>',
    description:
      'least important lines to log: error, warn, info or debug (debug has the route of every request)',
    defaultText: 'info',
    ...oneOf(['error', 'warn', 'info', 'debug']),
  },
  dataDir: {
    flag: 'data-dir',
    commands: [...serving, 'status', 'nodes', 'keys', 'usage'],
    value: '<folder>',
    description:
      'folder for what is kept outside of memory: files and batches of clients, and prompts that left their slot',
    defaultText: 'data',
    ...text(),
    forCommand: {
      status: controllerFolder,
      nodes: controllerFolder,
      keys: { description: 'data folder of the controller, which may run or not' },
      usage: { description: 'data folder of the controller, which may run or not' },
    },
  },
  modelsDir: {
    flag: 'models-dir',
    commands: [...withWorkers, 'models', 'models pull'],
    value: '<folder>',
    description: 'folder of downloaded models',
    defaultText: 'models',
    ...text(),
  },
  hubUrl: {
    flag: 'hub-url',
    commands: [...withWorkers, 'models pull'],
    value: '<URL>',
    description: 'Hugging Face or a mirror of it',
    defaultText: 'https://huggingface.co',
    ...httpUrl(),
  },
  controllerUrl: {
    flag: 'controller',
    commands: ['worker', 'status', 'nodes'],
    value: '<URL>',
    description: 'the controller to join; without one the worker serves nobody',
    ...controllerOrigin(),
    forCommand: { status: controllerToAsk, nodes: controllerToAsk },
  },
  nodeId: {
    flag: 'node-id',
    commands: ['worker'],
    value: '<id>',
    description: 'name of this worker in status and metrics; stays the same over restarts',
    defaultText: 'worker_1',
    ...nodeId,
  },
  advertiseUrl: {
    flag: 'advertise-url',
    commands: ['worker'],
    value: '<URL>',
    description: 'where the controller reaches this worker (default: its host and port)',
    ...httpOrigin(),
  },
  adminTokenFile: {
    flag: 'admin-token-file',
    commands: ['up', 'controller', 'status', 'nodes'],
    value: '<file>',
    description:
      'file with the token of the operators, for keys and changes of nodes (default: admin-token in the data folder, where it is made)',
    ...text(),
  },
  tlsCert: {
    flag: 'tls-cert',
    commands: ['up', 'controller'],
    value: '<file>',
    description:
      'certificate of the controller with its chain (PEM), read again on SIGHUP: it then speaks https (default: plain http)',
    ...text(),
  },
  tlsKey: {
    flag: 'tls-key',
    commands: ['up', 'controller'],
    value: '<file>',
    description: 'private key of --tls-cert (PEM) (default: none)',
    ...text(),
  },
  controllerCa: {
    flag: 'controller-ca',
    commands: ['worker', 'status', 'nodes'],
    value: '<file>',
    description:
      "certificate that an https controller is known by, or its authority's (PEM) (default: the authorities that Node.js trusts)",
    ...text(),
  },
  maxConnections: {
    flag: 'max-connections',
    commands: ['up', 'controller'],
    value: '<count>',
    description:
      'connections that the controller holds at once, those of workers included; more are closed (default: half of its file descriptors, 8192 at most)',
    ...integer(16, 1_000_000),
  },
  allowedHosts: {
    flag: 'allowed-hosts',
    commands: ['up', 'controller'],
    value: '<name>',
    description:
      'name by which clients may call the controller, beside its addresses, localhost and the name of the machine; *.example.com are all names below; repeat for more than one (default: none)',
    repeatable: true,
    ...hostName,
  },
  allowedOrigins: {
    flag: 'allowed-origins',
    commands: ['up', 'controller'],
    value: '<origin>',
    description:
      'origin whose web pages may call the controller, * for all; repeat for more than one (default: none)',
    repeatable: true,
    ...webOrigin,
  },
  workerNetworks: {
    flag: 'worker-networks',
    commands: ['up', 'controller'],
    value: '<CIDR>',
    description:
      'where workers may be that join, as 10.0.0.0/8; repeat for more than one. Link-local and metadata addresses are refused anyway',
    defaultText: '127.0.0.0/8,::1/128',
    repeatable: true,
    ...cidr,
  },
  clusterTokenFile: {
    flag: 'cluster-token-file',
    commands: [...serving],
    value: '<file>',
    description:
      'file of the secret with which workers join and the controller calls them (default: cluster-token in the data folder, made where it is missing)',
    ...text(),
  },
  ...observabilitySettings,
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;

/** The environment variable of a setting: `worker-port` → `AI_CLUSTER_WORKER_PORT`. */
export function environmentNameOf(setting: { readonly flag: string }): string {
  return `AI_CLUSTER_${setting.flag.replaceAll('-', '_').toUpperCase()}`;
}

/** The settings of one command as it understands them, in the order of the table. */
export function settingsOf(command: CommandName): [SettingKey, Setting][] {
  return (Object.entries(settings) as [SettingKey, Setting][])
    .filter(([, { commands }]) => commands.includes(command))
    .map(([key, setting]) => [key, { ...setting, ...setting.forCommand?.[command] }]);
}
