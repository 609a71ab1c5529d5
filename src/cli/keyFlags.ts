import { Option } from 'commander';
import { ConfigError } from '../config/config.js';
import { ApiKeySettings, defaultKeySettings } from '../protocol/apiKeys.js';

/** The settings of a key as flags: texts that become {@link ApiKeySettings}. */

interface KeyFlag {
  readonly flag: string;
  /** The name of the value in `--help`. */
  readonly value: string;
  readonly description: string;
  readonly accepted: string;
  readonly parse: (text: string) => unknown;
}

type KeySetting = keyof ApiKeySettings;

/** Nothing becomes no number. */
const toNumber = (text: string) => (text.trim() === '' ? NaN : Number(text));

const limit = (flag: string, description: string): KeyFlag => ({
  flag,
  value: '<count|none>',
  description: `${description}; none: as many as they like`,
  accepted: 'a whole number from 1 to 1000000000, or none',
  parse: (text) => (text === 'none' ? null : toNumber(text)),
});

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000 };

function toExpiry(text: string): string | null {
  if (text === 'never') return null;
  const [, count, unit = ''] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  const isDate = /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text);
  const ms =
    count === undefined ? Date.parse(isDate ? text : '') : Date.now() + Number(count) * (unitMs[unit] ?? 0);
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}

const asGiven = (text: string) => text;

const keyFlags: Readonly<Record<KeySetting, KeyFlag>> = {
  name: {
    flag: 'name',
    value: '<text>',
    description: 'whom the key is for',
    accepted: 'a text of at most 100 characters',
    parse: asGiven,
  },
  models: {
    flag: 'models',
    value: '<ids|all>',
    description: 'models that the key may use, with commas in between',
    accepted: 'ids of models with commas in between, or all',
    parse: (text) => (text === 'all' ? null : text.split(',').map((id) => id.trim())),
  },
  requestsPerMinute: limit('requests-per-minute', 'requests in any 60 seconds'),
  tokensPerMinute: limit('tokens-per-minute', 'tokens of prompts and answers in any 60 seconds'),
  concurrentRequests: limit('concurrent-requests', 'requests at once'),
  tokensPerDay: limit('tokens-per-day', 'tokens in a day, by UTC'),
  tokensPerMonth: limit('tokens-per-month', 'tokens in a month, by UTC'),
  priority: {
    flag: 'priority',
    value: '<class>',
    description: 'which requests go first where some have to wait: interactive, normal or batch',
    accepted: 'interactive, normal or batch',
    parse: asGiven,
  },
  weight: {
    flag: 'weight',
    value: '<number>',
    description: 'share of a full cluster relative to other keys',
    accepted: 'a number from 0.01 to 100',
    parse: toNumber,
  },
  cacheSharing: {
    flag: 'cache-sharing',
    value: '<keys|all>',
    description: 'with whom it shares cached prompts: with itself alone, or with all keys that do so',
    accepted: 'keys or all',
    parse: asGiven,
  },
  expiresAt: {
    flag: 'expires',
    value: '<time|never>',
    description: 'when it stops to work: in so many days or hours, as 90d or 12h, or a date, as 2030-12-31',
    accepted: 'days or hours, as 90d or 12h, a date, as 2030-12-31 or 2030-12-31T18:00:00Z, or never',
    parse: toExpiry,
  },
};

const entries = Object.entries(keyFlags) as [KeySetting, KeyFlag][];
const toOption = ({ flag, value, description }: KeyFlag) => new Option(`--${flag} ${value}`, description);

/** For `keys create`: the name is its argument. */
export function createOptions(): Option[] {
  return entries.flatMap(([key, flag]) => {
    if (key === 'name') return [];
    const defaultText = describeSetting(key, defaultKeySettings[key]);
    return [toOption({ ...flag, description: `${flag.description} (default: ${defaultText})` })];
  });
}

/** For `keys update`: what is not given stays. */
export function updateOptions(): Option[] {
  return entries.map(([, flag]) => toOption(flag));
}

/** A value of a setting as its flag takes it. */
export function describeSetting(key: KeySetting, value: ApiKeySettings[KeySetting]): string {
  if (value !== null) return Array.isArray(value) ? value.join(',') : String(value);
  return key === 'models' ? 'all' : key === 'expiresAt' ? 'never' : 'none';
}

/**
 * The settings that were given, and no others.
 *
 * @throws ConfigError naming every one that is not accepted.
 */
export function parseKeySettings(given: Readonly<Record<string, unknown>>): Partial<ApiKeySettings> {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, keyFlag] of entries) {
    const text = given[toOption(keyFlag).attributeName()];
    if (typeof text !== 'string') continue;
    const result = ApiKeySettings.shape[key].safeParse(keyFlag.parse(text));
    if (result.success) settings[key] = result.data;
    else {
      problems.push(`--${keyFlag.flag}: ${JSON.stringify(text)} is not accepted; give ${keyFlag.accepted}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}
