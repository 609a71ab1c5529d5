import { describe, expect, it } from 'vitest';
import { ConfigError, parseSettings, toArguments, type Settings } from '../../../src/config/config.js';
import type { CommandName, Setting } from '../../../src/config/setting.js';
import { environmentNameOf, settings, settingsOf, type SettingKey } from '../../../src/config/settings.js';

interface Case {
  readonly command: CommandName;
  readonly default: unknown;
  /** A text and what it means, for the flag and for the environment. */
  readonly flag: readonly [string, unknown];
  readonly variable: readonly [string, unknown];
  readonly environmentName: string;
  /** Texts that are refused, and what the message says to give. */
  readonly bad: readonly string[];
  readonly accepted: string;
}

const notWhole = ['', 'many', '1.5', '-1', ' 1', '0x10', '1e3'];
const anAddress = 'an IP address or localhost; 0.0.0.0 and :: are all addresses of the machine';
const origin = 'a URL of scheme, host and port alone, such as http://127.0.0.1:8081';
const url =
  'an http:// or https:// URL without user name, password, query and fragment, such as http://127.0.0.1:8080';
const badUrls = [
  '',
  'nope',
  '127.0.0.1:8080',
  'http://',
  'ftp://127.0.0.1',
  'http://ann:pw@127.0.0.1',
  'http://ann@127.0.0.1',
  'http://127.0.0.1/a?token=b',
  'http://127.0.0.1/a#b',
];

const cases: Record<SettingKey, Case> = {
  host: {
    command: 'up',
    default: '127.0.0.1',
    flag: ['::1', '::1'],
    variable: ['localhost', 'localhost'],
    environmentName: 'AI_CLUSTER_HOST',
    bad: ['', 'example.com', '127.0.0.1.example.com', '127.0.0.256', '127.1', ' 127.0.0.1'],
    accepted: anAddress,
  },
  port: {
    command: 'up',
    default: 8080,
    flag: ['0', 0],
    variable: ['65535', 65535],
    environmentName: 'AI_CLUSTER_PORT',
    bad: [...notWhole, '65536', '99999999999999999999'],
    accepted: 'a whole number from 0 to 65535',
  },
  workers: {
    command: 'up',
    default: 2,
    flag: ['64', 64],
    variable: ['1', 1],
    environmentName: 'AI_CLUSTER_WORKERS',
    bad: [...notWhole, '0', '65'],
    accepted: 'a whole number from 1 to 64',
  },
  workerPort: {
    command: 'worker',
    default: 8081,
    flag: ['9000', 9000],
    variable: ['0', 0],
    environmentName: 'AI_CLUSTER_WORKER_PORT',
    bad: [...notWhole, '65536'],
    accepted: 'a whole number from 0 to 65535',
  },
  models: {
    command: 'up',
    default: ['smollm2-135m-instruct'],
    flag: ['tiny', ['tiny']],
    variable: ['tiny, hf:a/b/c.gguf ,x.gguf', ['tiny', 'hf:a/b/c.gguf', 'x.gguf']],
    environmentName: 'AI_CLUSTER_MODEL',
    bad: ['', '  '],
    accepted: 'a text that is not empty',
  },
  slots: {
    command: 'up',
    default: 4,
    flag: ['1', 1],
    variable: ['256', 256],
    environmentName: 'AI_CLUSTER_SLOTS',
    bad: [...notWhole, '0', '257'],
    accepted: 'a whole number from 1 to 256',
  },
  contextTokens: {
    command: 'worker',
    default: 4096,
    flag: ['64', 64],
    variable: ['1048576', 1048576],
    environmentName: 'AI_CLUSTER_CONTEXT',
    bad: [...notWhole, '63', '1048577'],
    accepted: 'a whole number from 64 to 1048576',
  },
  threads: {
    command: 'up',
    default: undefined,
    flag: ['1', 1],
    variable: ['1024', 1024],
    environmentName: 'AI_CLUSTER_THREADS',
    bad: [...notWhole, '0', '1025'],
    accepted: 'a whole number from 1 to 1024',
  },
  gpu: {
    command: 'up',
    default: 'auto',
    flag: ['off', 'off'],
    variable: ['auto', 'auto'],
    environmentName: 'AI_CLUSTER_GPU',
    bad: ['', 'on', 'OFF', 'true'],
    accepted: 'auto or off',
  },
  gpuLayers: {
    command: 'up',
    default: undefined,
    flag: ['0', 0],
    variable: ['1024', 1024],
    environmentName: 'AI_CLUSTER_GPU_LAYERS',
    bad: [...notWhole, '1025'],
    accepted: 'a whole number from 0 to 1024',
  },
  prefixCacheMegabytes: {
    command: 'worker',
    default: 1024,
    flag: ['0', 0],
    variable: ['1000000', 1_000_000],
    environmentName: 'AI_CLUSTER_PREFIX_CACHE',
    bad: [...notWhole, '1000001'],
    accepted: 'a whole number from 0 to 1000000',
  },
  routing: {
    command: 'controller',
    default: 'prefix-aware',
    flag: ['least-busy', 'least-busy'],
    variable: ['round-robin', 'round-robin'],
    environmentName: 'AI_CLUSTER_ROUTING',
    bad: ['', 'random', 'Prefix-Aware'],
    accepted: 'prefix-aware or least-busy or round-robin',
  },
  cacheSharing: {
    command: 'up',
    default: 'keys',
    flag: ['all', 'all'],
    variable: ['all', 'all'],
    environmentName: 'AI_CLUSTER_CACHE_SHARING',
    bad: ['', 'none', 'true'],
    accepted: 'keys or all',
  },
  queueLimit: {
    command: 'controller',
    default: 512,
    flag: ['0', 0],
    variable: ['100000', 100000],
    environmentName: 'AI_CLUSTER_QUEUE_LIMIT',
    bad: [...notWhole, '100001'],
    accepted: 'a whole number from 0 to 100000',
  },
  queuePromptMegabytes: {
    command: 'controller',
    default: 64,
    flag: ['11', 11],
    variable: ['100000', 100000],
    environmentName: 'AI_CLUSTER_QUEUE_PROMPTS',
    bad: [...notWhole, '10', '100001'],
    accepted: 'a whole number from 11 to 100000',
  },
  queueTimeoutSeconds: {
    command: 'controller',
    default: 120,
    flag: ['1', 1],
    variable: ['3600', 3600],
    environmentName: 'AI_CLUSTER_QUEUE_TIMEOUT',
    bad: [...notWhole, '0', '3601'],
    accepted: 'a whole number from 1 to 3600',
  },
  workerSilenceSeconds: {
    command: 'controller',
    default: 5,
    flag: ['2', 2],
    variable: ['600', 600],
    environmentName: 'AI_CLUSTER_WORKER_SILENCE',
    bad: [...notWhole, '1', '601'],
    accepted: 'a whole number from 2 to 600',
  },
  requestTimeoutSeconds: {
    command: 'controller',
    default: 3600,
    flag: ['1', 1],
    variable: ['86400', 86400],
    environmentName: 'AI_CLUSTER_REQUEST_TIMEOUT',
    bad: [...notWhole, '0', '86401'],
    accepted: 'a whole number from 1 to 86400',
  },
  drainTimeoutSeconds: {
    command: 'controller',
    default: 30,
    flag: ['0', 0],
    variable: ['3600', 3600],
    environmentName: 'AI_CLUSTER_DRAIN_TIMEOUT',
    bad: [...notWhole, '3601'],
    accepted: 'a whole number from 0 to 3600',
  },
  logDir: {
    command: 'worker',
    default: 'logs',
    flag: ['/var/log/x', '/var/log/x'],
    variable: [' with spaces ', 'with spaces'],
    environmentName: 'AI_CLUSTER_LOG_DIR',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  logLevel: {
    command: 'controller',
    default: 'info',
    flag: ['debug', 'debug'],
    variable: ['warn', 'warn'],
    environmentName: 'AI_CLUSTER_LOG_LEVEL',
    bad: ['', 'verbose', 'DEBUG'],
    accepted: 'error or warn or info or debug',
  },
  dataDir: {
    command: 'controller',
    default: 'data',
    flag: ['a', 'a'],
    variable: ['b', 'b'],
    environmentName: 'AI_CLUSTER_DATA_DIR',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  modelsDir: {
    command: 'models',
    default: 'models',
    flag: ['a', 'a'],
    variable: ['b', 'b'],
    environmentName: 'AI_CLUSTER_MODELS_DIR',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  hubUrl: {
    command: 'models pull',
    default: 'https://huggingface.co',
    flag: ['http://mirror.example/hf/', 'http://mirror.example/hf'],
    variable: ['https://mirror.example//', 'https://mirror.example'],
    environmentName: 'AI_CLUSTER_HUB_URL',
    bad: badUrls,
    accepted: url,
  },
  controllerUrl: {
    command: 'status',
    default: undefined,
    flag: ['http://10.0.0.1:8080', 'http://10.0.0.1:8080'],
    variable: ['https://ai.example.com/', 'https://ai.example.com'],
    environmentName: 'AI_CLUSTER_CONTROLLER',
    bad: badUrls,
    accepted: 'a URL of scheme, host and port alone, such as http://127.0.0.1:8080 or https://ai.example.com',
  },
  nodeId: {
    command: 'worker',
    default: 'worker_1',
    flag: ['gpu-box.3', 'gpu-box.3'],
    variable: ['a', 'a'],
    environmentName: 'AI_CLUSTER_NODE_ID',
    bad: ['', '_a', 'a b', 'a/b', 'x'.repeat(64)],
    accepted: 'letters, digits, dots, dashes and underscores, 63 at most, beginning with a letter or digit',
  },
  adminTokenFile: {
    command: 'nodes',
    default: undefined,
    flag: ['/run/secrets/admin-token', '/run/secrets/admin-token'],
    variable: ['token', 'token'],
    environmentName: 'AI_CLUSTER_ADMIN_TOKEN_FILE',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  tlsCert: {
    command: 'up',
    default: undefined,
    flag: ['cert.pem', 'cert.pem'],
    variable: ['/etc/tls/cert.pem', '/etc/tls/cert.pem'],
    environmentName: 'AI_CLUSTER_TLS_CERT',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  tlsKey: {
    command: 'up',
    default: undefined,
    flag: ['key.pem', 'key.pem'],
    variable: ['/etc/tls/key.pem', '/etc/tls/key.pem'],
    environmentName: 'AI_CLUSTER_TLS_KEY',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  controllerCa: {
    command: 'worker',
    default: undefined,
    flag: ['ca.pem', 'ca.pem'],
    variable: ['ca.pem', 'ca.pem'],
    environmentName: 'AI_CLUSTER_CONTROLLER_CA',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  maxConnections: {
    command: 'up',
    default: undefined,
    flag: ['16', 16],
    variable: ['1000000', 1_000_000],
    environmentName: 'AI_CLUSTER_MAX_CONNECTIONS',
    bad: ['', '15', '1000001', 'x', '1e3'],
    accepted: 'a whole number from 16 to 1000000',
  },
  allowedHosts: {
    command: 'up',
    default: [],
    flag: ['AI.example.com', ['ai.example.com']],
    variable: ['a, *.example.com', ['a', '*.example.com']],
    environmentName: 'AI_CLUSTER_ALLOWED_HOSTS',
    bad: ['', '*', '*.', 'http://a', 'a:80', 'a/b', 'a..b', '-a', 'a b'],
    accepted: 'a name without scheme and port, such as ai.example.com or *.example.com',
  },
  allowedOrigins: {
    command: 'up',
    default: [],
    flag: ['https://App.example.com/', ['https://app.example.com']],
    variable: ['*, chrome-extension://abc', ['*', 'chrome-extension://abc']],
    environmentName: 'AI_CLUSTER_ALLOWED_ORIGINS',
    bad: ['', 'null', 'app.example.com', 'https://', 'https://a/b', 'https://u@a', 'https://a?b'],
    accepted: 'scheme, host and port as browsers send them, such as https://app.example.com, or *',
  },
  metrics: {
    command: 'controller',
    default: 'on',
    flag: ['off', 'off'],
    variable: ['0', 'off'],
    environmentName: 'AI_CLUSTER_METRICS',
    bad: ['', 'yes', 'ON', '2'],
    accepted: 'on or off (or 1, 0, true, false)',
  },
  metricsPort: {
    command: 'worker',
    default: undefined,
    flag: ['0', 0],
    variable: ['9100', 9100],
    environmentName: 'AI_CLUSTER_METRICS_PORT',
    bad: [...notWhole, '65536'],
    accepted: 'a whole number from 0 to 65535',
  },
  metricsInclude: {
    command: 'up',
    default: [],
    flag: ['ai_cluster_*', ['ai_cluster_*']],
    variable: ['process_*, *_total', ['process_*', '*_total']],
    environmentName: 'AI_CLUSTER_METRICS_INCLUDE',
    bad: ['', '1a', 'a b', 'a-b', 'a.b'],
    accepted: 'the name of a metric, with * for any characters, such as ai_cluster_queue_*',
  },
  metricsExclude: {
    command: 'up',
    default: [],
    flag: ['nodejs_*', ['nodejs_*']],
    variable: ['*', ['*']],
    environmentName: 'AI_CLUSTER_METRICS_EXCLUDE',
    bad: ['', '{a}', 'a b'],
    accepted: 'the name of a metric, with * for any characters, such as ai_cluster_queue_*',
  },
  metricsMaxSeries: {
    command: 'controller',
    default: 50_000,
    flag: ['1000', 1_000],
    variable: ['1000000', 1_000_000],
    environmentName: 'AI_CLUSTER_METRICS_MAX_SERIES',
    bad: [...notWhole, '999', '1000001'],
    accepted: 'a whole number from 1000 to 1000000',
  },
  otlpEndpoint: {
    command: 'up',
    default: undefined,
    flag: ['http://127.0.0.1:4318/', 'http://127.0.0.1:4318'],
    variable: ['https://traces.example.com/otlp', 'https://traces.example.com/otlp'],
    environmentName: 'AI_CLUSTER_OTLP_ENDPOINT',
    bad: [...badUrls, 'http://127.0.0.1:4318/v1/traces', 'http://127.0.0.1:4318/v1/traces/'],
    accepted:
      'an http:// or https:// URL without /v1/traces (which is added), user name, password, query and fragment, such as http://127.0.0.1:4318',
  },
  workerNetworks: {
    command: 'controller',
    default: ['127.0.0.0/8', '::1/128'],
    flag: ['10.0.0.0/8', ['10.0.0.0/8']],
    variable: ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    environmentName: 'AI_CLUSTER_WORKER_NETWORKS',
    bad: ['', '10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'example.com/8', '10.0.0/8'],
    accepted: 'a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8',
  },
  clusterTokenFile: {
    command: 'worker',
    default: undefined,
    flag: ['/run/secrets/cluster-token', '/run/secrets/cluster-token'],
    variable: ['token', 'token'],
    environmentName: 'AI_CLUSTER_CLUSTER_TOKEN_FILE',
    bad: ['', ' '],
    accepted: 'a text that is not empty',
  },
  advertiseUrl: {
    command: 'worker',
    default: undefined,
    flag: ['http://127.0.0.1:9/', 'http://127.0.0.1:9'],
    variable: ['http://localhost:9', 'http://localhost:9'],
    environmentName: 'AI_CLUSTER_ADVERTISE_URL',
    bad: badUrls,
    accepted: origin,
  },
};
const table = Object.entries(cases) as [SettingKey, Case][];

/** Flags as the command line gives them: a repeatable one has a list. */
function flagOf(key: SettingKey, text: string) {
  return { [settings[key].flag]: key === 'models' ? [text] : text };
}

function problemsOf(command: CommandName, given: Partial<Parameters<typeof parseSettings>[1]>) {
  try {
    parseSettings(command, { flags: {}, environment: {}, ...given });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('a setting', () => {
  it.each(table)('%s has its default where nothing is given', (key, { command, default: expected }) => {
    expect(parseSettings(command, { flags: {}, environment: {} })[key]).toEqual(expected);
  });

  it.each(table)('%s is read from its variable', (key, { command, variable, environmentName }) => {
    const environment = { [environmentName]: variable[0] };
    expect(parseSettings(command, { flags: {}, environment })[key]).toEqual(variable[1]);
  });

  it.each(table)('%s is read from its flag before its variable', (key, setting) => {
    const { command, flag, variable, environmentName } = setting;
    const given = { flags: flagOf(key, flag[0]), environment: { [environmentName]: variable[0] } };
    expect(parseSettings(command, given)[key]).toEqual(flag[1]);
  });

  it.each(table)('%s is read from its flag although its variable is bad', (key, setting) => {
    const { command, flag, bad, environmentName } = setting;
    const environment = { [environmentName]: bad.at(-1) };
    expect(parseSettings(command, { flags: flagOf(key, flag[0]), environment })[key]).toEqual(flag[1]);
  });

  it.each(table)('%s has its default where its variable is empty', (key, setting) => {
    const environment = { [setting.environmentName]: '' };
    expect(parseSettings(setting.command, { flags: {}, environment })[key]).toEqual(setting.default);
  });

  it.each(table)('%s names its flag, the value and what is accepted', (key, { command, bad, accepted }) => {
    for (const text of bad) {
      expect(problemsOf(command, { flags: flagOf(key, text) })).toEqual([
        `--${settings[key].flag}: ${JSON.stringify(text)} is not accepted; give ${accepted}`,
      ]);
    }
  });

  it.each(table)('%s names its variable, the value and what is accepted', (_key, setting) => {
    const { command, bad, accepted, environmentName } = setting;
    for (const text of bad.filter((value) => value !== '')) {
      const shown = JSON.stringify(environmentName === 'AI_CLUSTER_MODEL' ? text.trim() : text);
      expect(problemsOf(command, { environment: { [environmentName]: text } })).toEqual([
        `${environmentName}: ${shown} is not accepted; give ${accepted}`,
      ]);
    }
  });

  it.each(table)('%s is named by its variable', (key, { environmentName }) => {
    expect(environmentNameOf(settings[key])).toBe(environmentName);
  });

  it('is not shared: no two have one flag', () => {
    const flags = Object.values(settings).map(({ flag }) => flag);
    expect(new Set(flags).size).toBe(flags.length);
  });
});

describe('a list of models', () => {
  it('comes from a flag that is repeated, commas being part of a name', () => {
    const flags = { model: ['tiny', 'a,b.gguf'] };
    expect(parseSettings('up', { flags, environment: {} }).models).toEqual(['tiny', 'a,b.gguf']);
  });

  it('has no gaps', () => {
    expect(problemsOf('up', { environment: { AI_CLUSTER_MODEL: 'tiny,,x' } })).toEqual([
      'AI_CLUSTER_MODEL: "" is not accepted; give a text that is not empty',
    ]);
  });
});

describe('bad settings', () => {
  it('are all named in one error, in the order of the table', () => {
    const given = {
      flags: { port: 'x', 'gpu-layers': '-1' },
      environment: { AI_CLUSTER_HOST: '0.0.0', AI_CLUSTER_MODEL: ',' },
    };
    const problems = problemsOf('up', given);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'AI_CLUSTER_HOST',
      '--port',
      'AI_CLUSTER_MODEL',
      'AI_CLUSTER_MODEL',
      '--gpu-layers',
    ]);
    const parse = () => parseSettings('up', given);
    expect(parse).toThrow(/^5 settings are not valid:\n/);
    for (const problem of problems) expect(parse).toThrow(`\n  ${problem}`);
  });

  it('are announced as one where there is one', () => {
    expect(() => parseSettings('up', { flags: { port: 'x' }, environment: {} })).toThrow(
      'A setting is not valid:\n  --port: "x" is not accepted; give a whole number from 0 to 65535',
    );
  });
});

describe('settings that do not go together', () => {
  it.each([
    ['8081', '8081', '1'],
    ['8082', '8081', '2'],
    ['65535', '65534', '2'],
  ])('are a port %s among those of the workers, from %s on for %s', (port, workerPort, workers) => {
    const range =
      workers === '1' ? workerPort : `${workerPort} to ${Number(workerPort) + Number(workers) - 1}`;
    expect(problemsOf('up', { flags: { port, 'worker-port': workerPort, workers } })).toEqual([
      `--port: "${port}" is not accepted; the workers use ${range}; give another one, or move them with --worker-port`,
    ]);
  });

  it.each([
    ['8080', '8081', '2'],
    ['8083', '8081', '2'],
    ['0', '8081', '2'],
    ['8080', '0', '64'],
    ['0', '0', '2'],
    ['1', '65472', '64'],
  ])('are not: port %s, worker port %s, %s workers', (port, workerPort, workers) => {
    expect(problemsOf('up', { flags: { port, 'worker-port': workerPort, workers } })).toEqual([]);
  });

  it.each(['8080', '0'])('are more workers than there are ports, beside port %s', (port) => {
    expect(problemsOf('up', { flags: { port, 'worker-port': '65535', workers: '2' } })).toEqual([
      '--worker-port: "65535" is not accepted; with 2 workers give at most 65534',
    ]);
  });

  it('are named as they were given: by variable, and by flag for a default', () => {
    expect(problemsOf('up', { environment: { AI_CLUSTER_PORT: '8081' } })[0]).toMatch(/^AI_CLUSTER_PORT: /);
    expect(problemsOf('up', { environment: { AI_CLUSTER_WORKER_PORT: '65535' } })[0]).toMatch(
      /^AI_CLUSTER_WORKER_PORT: /,
    );
    expect(problemsOf('up', { environment: { AI_CLUSTER_WORKER_PORT: '8080' } })[0]).toMatch(/^--port: /);
  });

  const controller = 'http://10.0.0.1:8080';
  it.each(['127.0.0.1', '::1', 'localhost', '0.0.0.0', '::'])(
    'are a worker on %s and a controller on another machine that could not call it',
    (host) => {
      expect(problemsOf('worker', { flags: { host, controller } })).toEqual([
        `--host: "${host}" is not accepted; a controller on another machine cannot call that; give --advertise-url, too`,
      ]);
      const advertised = { host, controller, 'advertise-url': 'http://10.0.0.2:8081' };
      expect(problemsOf('worker', { flags: advertised })).toEqual([]);
    },
  );

  it.each(['10.0.0.2', 'fd00::2'])('are not a worker on %s and such a controller', (host) => {
    expect(problemsOf('worker', { flags: { host, controller } })).toEqual([]);
  });

  it.each(['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:8080', 'http://127.9.9.9'])(
    'are not a worker and %s',
    (address) => {
      expect(problemsOf('worker', { flags: { controller: address, 'advertise-url': address } })).toEqual([]);
    },
  );

  it('are named beside those that are bad by themselves', () => {
    const flags = { port: '8081', host: '0.0.0', slots: 'x' };
    expect(problemsOf('up', { flags }).map((problem) => problem.split(':')[0])).toEqual([
      '--host',
      '--slots',
      '--port',
    ]);
  });

  it.each(['port', 'worker-port', 'workers'])('are not looked for where %s is bad', (flag) => {
    const flags = { port: '8081', 'worker-port': '8081', workers: '1', [flag]: 'x' };
    expect(problemsOf('up', { flags })).toEqual([expect.stringMatching(`^--${flag}: "x" is not accepted`)]);
  });
});

describe('a setting that means something else to another command', () => {
  it('has bounds of its own: a cluster of this machine needs a worker, a controller may expect none', () => {
    expect(problemsOf('up', { flags: { workers: '0' } })).toHaveLength(1);
    expect(problemsOf('controller', { flags: { workers: '0' } })).toEqual([]);
    expect(problemsOf('controller', { flags: { workers: 'x' } })).toEqual([
      '--workers: "x" is not accepted; give a whole number from 0 to 64',
    ]);
  });

  it('is described in its words', () => {
    const describe = (command: CommandName, key: SettingKey) =>
      new Map(settingsOf(command)).get(key)?.description;
    expect(describe('up', 'host')).toBe('address to listen on');
    expect(describe('status', 'host')).toBe('address of the controller');
  });
});

describe('the settings of another command', () => {
  it('are not read, so that a variable for one cannot break the others', () => {
    const environment = {
      AI_CLUSTER_QUEUE_LIMIT: 'x',
      AI_CLUSTER_NODE_ID: '///',
      AI_CLUSTER_THREADS: 'x',
      AI_CLUSTER_CONTROLLER: 'x',
    };
    expect(problemsOf('models', { environment })).toEqual([]);
    expect(problemsOf('worker', { environment })).toHaveLength(3);
    expect(problemsOf('controller', { environment })).toHaveLength(1);
  });

  it('have their defaults', () => {
    const environment = { AI_CLUSTER_SLOTS: '9', AI_CLUSTER_NODE_ID: 'other' };
    expect(parseSettings('status', { flags: { slots: '9' }, environment })).toMatchObject({
      slots: 4,
      nodeId: 'worker_1',
    });
  });
});

describe('the settings as arguments', () => {
  const commands: CommandName[] = ['up', 'controller', 'worker', 'models', 'models pull', 'status'];

  const repeatable = Object.values(settings)
    .filter((setting: Setting) => setting.repeatable)
    .map(({ flag }) => flag as string);

  /** What the command line would hand to `parseSettings`. */
  function toFlags(args: readonly string[]): Record<string, string | string[]> {
    const flags: Record<string, string | string[]> = {};
    for (let index = 0; index < args.length; index += 2) {
      const name = String(args[index]).replace(/^--/, '');
      const text = args[index + 1] ?? '';
      if (repeatable.includes(name)) flags[name] = [...(flags[name] ?? []), text];
      else flags[name] = text;
    }
    return flags;
  }

  it.each(commands)('of %s come back the same', (command) => {
    const environment = Object.fromEntries(
      settingsOf(command).map(([key]) => [cases[key].environmentName, cases[key].variable[0]]),
    );
    // Both at the last port, which would be a conflict.
    if (command === 'up') environment['AI_CLUSTER_WORKERS'] = '1';
    const given = parseSettings(command, { flags: {}, environment });
    const args = toArguments(command, given);
    expect(parseSettings(command, { flags: toFlags(args), environment: {} })).toEqual(given);
    expect(args.filter((arg) => arg.startsWith('--')).length).toBeGreaterThanOrEqual(
      settingsOf(command).length,
    );
  });

  it.each(commands)('of %s come back the same where nothing was given', (command) => {
    const defaults = parseSettings(command, { flags: {}, environment: {} });
    expect(
      parseSettings(command, { flags: toFlags(toArguments(command, defaults)), environment: {} }),
    ).toEqual(defaults);
  });

  it('leave out what is undefined and repeat what is a list', () => {
    const given: Settings = {
      ...parseSettings('up', { flags: {}, environment: {} }),
      models: ['a', 'b'],
    };
    const args = toArguments('up', given);
    expect(args).not.toContain('--threads');
    expect(args.join(' ')).toContain('--model a --model b');
    expect(args).not.toContain('--node-id');
  });
});

describe('the settings', () => {
  it('cannot be changed', () => {
    expect(Object.isFrozen(parseSettings('up', { flags: {}, environment: {} }))).toBe(true);
  });
});

describe('the address to listen on', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['[::]', '::'],
    ['192.168.0.4', '192.168.0.4'],
    ['fd00::1', 'fd00::1'],
    ['[::1]', '::1'],
  ])('may be %s', (host, read) => {
    expect(parseSettings('controller', { flags: { host }, environment: {} }).host).toBe(read);
  });
});

describe('metrics', () => {
  it('are switched off by the variable that others use, too; the own one goes first', () => {
    const read = (environment: Record<string, string>) =>
      parseSettings('up', { flags: {}, environment }).metrics;
    expect(read({ METRICS_ENABLED: '0' })).toBe('off');
    expect(read({ METRICS_ENABLED: '0', AI_CLUSTER_METRICS: 'on' })).toBe('on');
    expect(problemsOf('up', { environment: { METRICS_ENABLED: 'no' } })).toEqual([
      'METRICS_ENABLED: "no" is not accepted; give on or off (or 1, 0, true, false)',
    ]);
  });

  it.each([
    ['9100', []],
    ['65533', []],
    ['65534', ['with 2 workers give at most 65533']],
    ['8078', ['the controller and its workers need that one and those behind it; give another one']],
    ['8082', ['the controller and its workers need that one and those behind it; give another one']],
  ])('of up have a port of their own each: %s', (port, reasons) => {
    expect(problemsOf('up', { flags: { 'metrics-port': port } })).toEqual(
      reasons.map((reason) => `--metrics-port: "${port}" is not accepted; ${reason}`),
    );
  });
});
