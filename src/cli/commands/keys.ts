import { ConfigError, type Settings } from '../../config/config.js';
import { defaultKeySettings, KeyId, type ApiKey, type ApiKeySettings } from '../../protocol/apiKeys.js';
import type { KeyRefusal, KeyStore, NewKey } from '../../stores/keyStore.js';
import { hasControllerStore, withControllerStore } from '../controllerStore.js';
import { describeSetting, parseKeySettings } from '../keyFlags.js';
import { requireFolders } from '../requireFolders.js';
import { formatTable } from '../table.js';
import { printError, printLine } from '../terminal.js';

/**
 * `ai-cluster keys`: works on the store of the controller itself, whether that runs or not. One that runs follows
 * within a second.
 */

type Given = Readonly<Record<string, unknown>>;
type KeySettings = Pick<Settings, 'dataDir'>;

/** `ai-cluster keys list`. */
export function listKeys(settings: KeySettings, _none: string, { json }: Given): void {
  const listed = hasControllerStore(settings) ? withControllerStore(settings, ({ keys }) => keys.list()) : [];
  if (json === true) return printJson({ keys: listed });
  const rows = listed.map((key) => [
    key.id,
    key.name,
    stateOf(key),
    describeSetting('models', key.models),
    describeLimits(key),
    key.priority,
    describeSetting('expiresAt', key.expiresAt),
  ]);
  printLine(formatTable(['ID', 'NAME', 'STATE', 'MODELS', 'LIMITS', 'PRIORITY', 'EXPIRES'], rows));
  if (listed.length > 0) return;
  printError('There are no keys: the endpoint is open. Make one with: ai-cluster keys create <name>');
}

/** `ai-cluster keys create <name>`. */
export async function createKey(settings: Settings, name: string, given: Given): Promise<void> {
  const keySettings = { ...defaultKeySettings, ...parseKeySettings({ ...given, name }) } as ApiKeySettings;
  await requireFolders(settings, ['dataDir']);
  const made = withControllerStore(settings, ({ keys }) => keys.create(keySettings));
  printNew(made, given, `${made.key.id} (${made.key.name})`);
}

/** `ai-cluster keys rotate <id>`. */
export function rotateKey(settings: KeySettings, id: string, given: Given): void {
  const rotated = change(settings, id, (store) => store.rotate(id));
  printNew(rotated, given, `${id}: the old secret opens nothing any more`);
}

/** `ai-cluster keys show <id>`. */
export function showKey(settings: KeySettings, id: string, { json }: Given): void {
  const key = change(settings, id, (store) => store.get(id) ?? 'unknown');
  if (json === true) return printJson(key);
  printKey(key);
}

/** `ai-cluster keys update <id>`. */
export function updateKey(settings: KeySettings, id: string, given: Given): void {
  const changes = parseKeySettings(given);
  if (Object.keys(changes).length === 0) {
    throw new ConfigError([
      'keys update: nothing to change was given; ai-cluster keys update --help lists it',
    ]);
  }
  const key = change(settings, id, (store) => store.update(id, changes));
  if (given['json'] === true) return printJson(key);
  printKey(key);
}

/** `ai-cluster keys disable <id>`. */
export function disableKey(settings: KeySettings, id: string, given: Given): void {
  printState(
    change(settings, id, (store) => store.disable(id)),
    given,
    'disabled',
  );
}

/** `ai-cluster keys enable <id>`. */
export function enableKey(settings: KeySettings, id: string, given: Given): void {
  printState(
    change(settings, id, (store) => store.enable(id)),
    given,
    'works again',
  );
}

/** `ai-cluster keys revoke <id>`. */
export function revokeKey(settings: KeySettings, id: string, given: Given): void {
  printState(
    change(settings, id, (store) => store.revoke(id)),
    given,
    'revoked for good',
  );
}

/** @throws Error that does not repeat `id`, which may be a whole key. */
function change<T extends object>(
  settings: KeySettings,
  id: string,
  action: (store: KeyStore) => T | KeyRefusal,
): T {
  if (!KeyId.safeParse(id).success) {
    const hint =
      'give the id of a key, as sk-0a1b2c3d4e and without its secret; ai-cluster keys list shows them';
    throw new ConfigError([`<id>: ${hint}`]);
  }
  const result = hasControllerStore(settings)
    ? withControllerStore(settings, ({ keys }) => action(keys))
    : 'unknown';
  if (result === 'unknown') {
    throw new Error(
      `there is no key ${id} in ${settings.dataDir}; ai-cluster keys list shows those there are`,
    );
  }
  if (result === 'revoked') {
    throw new Error(
      `${id} is revoked, which is for good; make another one with: ai-cluster keys create <name>`,
    );
  }
  return result;
}

/** The text alone goes to stdout, where a program takes it from. */
function printNew({ key, text }: NewKey, { json }: Given, what: string): void {
  if (json === true) printJson({ ...key, key: text });
  else printLine(text);
  printError(`${what}. The key is not shown again: keep it now.`);
}

function printState(key: ApiKey, { json }: Given, what: string): void {
  if (json === true) return printJson(key);
  printLine(`${key.id} (${key.name}): ${what}`);
}

function printKey(key: ApiKey): void {
  const { id, state: _state, createdAt, ...settings } = key;
  const names = Object.keys(settings) as (keyof ApiKeySettings)[];
  printLine(
    formatTable(
      ['id', id],
      [
        ['state', stateOf(key)],
        ['createdAt', createdAt],
        ...names.map((name) => [name, describeSetting(name, settings[name])]),
      ],
    ),
  );
}

function printJson(value: object): void {
  printLine(JSON.stringify(value, null, 2));
}

function stateOf({ state, expiresAt }: ApiKey): string {
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  return state === 'active' && isOver ? 'expired' : state;
}

function describeLimits(key: ApiKey): string {
  const limits = [
    [key.requestsPerMinute, 'requests/min'],
    [key.tokensPerMinute, 'tokens/min'],
    [key.concurrentRequests, 'at once'],
    [key.tokensPerDay, 'tokens/day'],
    [key.tokensPerMonth, 'tokens/month'],
  ] as const;
  const texts = limits.flatMap(([count, unit]) => (count === null ? [] : [`${count} ${unit}`]));
  return texts.join(', ') || 'none';
}
