import type { z } from 'zod';
import { isUnspecifiedHost } from '../protocol/origin.js';
import { isLoopbackHost } from '../security/loopback.js';
import type { CommandName, Setting } from './setting.js';
import { environmentNameOf, settings, settingsOf, type SettingKey } from './settings.js';

type SettingValue<K extends SettingKey> = z.infer<(typeof settings)[K]['schema']>;

/** Typed values of all settings; one without a default is undefined where it was not given. */
export type Settings = {
  readonly [K in SettingKey]: (typeof settings)[K] extends { repeatable: true }
    ? readonly SettingValue<K>[]
    : (typeof settings)[K] extends { defaultText: string }
      ? SettingValue<K>
      : SettingValue<K> | undefined;
};

export interface GivenSettings {
  /** Values from the command line by flag name; a repeatable flag has several. */
  readonly flags: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Bad settings, all in one: the message has a line for each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'A setting is' : `${problems.length} settings are`;
    super(`${count} not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads the settings of `command`: flag, else environment, else default. Pure.
 *
 * @throws ConfigError naming every bad key, its value and what is accepted.
 */
export function parseSettings(command: CommandName, given: GivenSettings): Settings {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const sources = new Map<SettingKey, string>();
  const own = new Map(settingsOf(command));

  for (const [key, general] of Object.entries(settings) as [SettingKey, Setting][]) {
    const setting = own.get(key) ?? general;
    const { source, raw } = find(setting, own.has(key) ? given : nothingGiven);
    if (raw === undefined) {
      if (setting.repeatable) values[key] = [];
      continue;
    }
    sources.set(key, source);
    const good: unknown[] = [];
    for (const text of splitTexts(raw, setting.repeatable ?? false)) {
      const result = setting.schema.safeParse(text);
      if (result.success) good.push(result.data);
      else problems.push(`${source}: ${JSON.stringify(text)} is not accepted; give ${setting.accepted}`);
    }
    values[key] = setting.repeatable ? good : good[0];
  }

  const nameOf = (key: SettingKey) => sources.get(key) ?? `--${settings[key].flag}`;
  problems.push(...findConflicts(command, values, nameOf));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as unknown as Settings;
}

const nothingGiven: GivenSettings = { flags: {}, environment: {} };

/** An environment variable that is set to nothing counts as not set. `source`: what the user would change. */
function find(
  setting: Setting,
  given: GivenSettings,
): { source: string; raw: string | readonly string[] | undefined } {
  const fromFlag = given.flags[setting.flag];
  if (fromFlag !== undefined) return { source: `--${setting.flag}`, raw: fromFlag };
  for (const name of [environmentNameOf(setting), setting.variable ?? '']) {
    const fromEnvironment = given.environment[name];
    if (fromEnvironment) return { source: name, raw: fromEnvironment };
  }
  return { source: `--${setting.flag}`, raw: setting.defaultText };
}

/** An environment variable holds a list with commas in between. */
function splitTexts(raw: string | readonly string[], repeatable: boolean): readonly string[] {
  if (typeof raw !== 'string') return raw;
  return repeatable ? raw.split(',').map((text) => text.trim()) : [raw];
}

/** What does not go together, as far as the values are right by themselves: a bad one is undefined here. */
function findConflicts(
  command: CommandName,
  values: Partial<Settings>,
  nameOf: (key: SettingKey) => string,
): string[] {
  const problems: string[] = [];
  const refuse = (key: SettingKey, reason: string) =>
    problems.push(`${nameOf(key)}: "${String(values[key])}" is not accepted; ${reason}`);

  const { port, workerPort, workers } = values;
  if (command === 'up' && workerPort !== undefined && workers !== undefined) {
    const lastWorkerPort = workerPort + workers - 1;
    if (lastWorkerPort > 65535) {
      refuse('workerPort', `with ${workers} workers give at most ${65536 - workers}`);
    }
    // Port 0 is a free one: it meets no other.
    if (
      port !== undefined &&
      port !== 0 &&
      workerPort !== 0 &&
      port >= workerPort &&
      port <= lastWorkerPort
    ) {
      const range = workers === 1 ? `${workerPort}` : `${workerPort} to ${lastWorkerPort}`;
      refuse('port', `the workers use ${range}; give another one, or move them with --worker-port`);
    }
  }
  const { metricsPort } = values;
  if (command === 'up' && workers !== undefined && metricsPort !== undefined && metricsPort !== 0) {
    const ports = portsFrom(metricsPort, workers + 1);
    const taken = [...portsFrom(port, 1), ...portsFrom(workerPort, workers)];
    if (metricsPort + workers > 65535) {
      refuse('metricsPort', `with ${workers} workers give at most ${65535 - workers}`);
    } else if (ports.some((own) => taken.includes(own))) {
      refuse(
        'metricsPort',
        'the controller and its workers need that one and those behind it; give another one',
      );
    }
  }
  const { host, controllerUrl, advertiseUrl } = values;
  if (command === 'worker' && host !== undefined && controllerUrl !== undefined) {
    const isReachable = !isLoopbackHost(host) && !isUnspecifiedHost(host);
    const isNear = isLoopbackHost(new URL(controllerUrl).hostname);
    if (advertiseUrl === undefined && !isReachable && !isNear) {
      refuse('host', 'a controller on another machine cannot call that; give --advertise-url, too');
    }
  }
  return problems;
}

/** So many ports in a row; none where the first is a free one, or not known. */
export function portsFrom(first: number | undefined, count: number): number[] {
  return first === undefined || first === 0 ? [] : Array.from({ length: count }, (_, place) => first + place);
}

/** The command line that gives `command` exactly these settings: what is undefined is left out. */
export function toArguments(command: CommandName, values: Settings): string[] {
  return settingsOf(command).flatMap(([key, { flag }]) => {
    const value: string | number | readonly string[] | undefined = values[key];
    if (value === undefined) return [];
    const texts = typeof value === 'object' ? value : [String(value)];
    return texts.flatMap((text) => [`--${flag}`, text]);
  });
}

export interface ThreadPlan {
  readonly threadsPerWorker: number;
  /** For the user, when what was asked for would slow the machine down. */
  readonly warning: string | undefined;
}

/**
 * CPU threads for each local worker. llama.cpp's threads spin while they wait, so that one thread more than there
 * are cores stops all of them (measured: a hundredfold slowdown); the sum is therefore kept within the cores, with at
 * least one thread a worker.
 */
export function planThreads(options: {
  cores: number;
  workers: number;
  requested: number | undefined;
}): ThreadPlan {
  const { cores, workers, requested } = options;
  const fitting = Math.max(1, Math.floor(cores / workers));
  const threadsPerWorker = Math.min(requested ?? fitting, fitting);
  if (requested !== undefined && requested > fitting) {
    return {
      threadsPerWorker,
      warning: `--threads ${requested} for ${workers} worker(s) is more than the ${cores} core(s) of this machine; using ${fitting}, because one thread too many slows llama.cpp down a hundredfold.`,
    };
  }
  if (workers > cores) {
    return {
      threadsPerWorker,
      warning: `${workers} workers on ${cores} core(s): they are no faster than ${cores}, and each needs memory.`,
    };
  }
  return { threadsPerWorker, warning: undefined };
}
