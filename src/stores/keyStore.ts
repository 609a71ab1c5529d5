import type { ApiKey, ApiKeySettings } from '../protocol/apiKeys.js';
import { digestOf, formatKeyText, mintKeyId, mintSecret } from './keyText.js';
import type { SqlDatabase } from './sqlite.js';

/** A key with its text, which is told this once and kept nowhere. */
export interface NewKey {
  readonly key: ApiKey;
  readonly text: string;
}

/** A key with what its secret is recognised by. */
export interface StoredKey {
  readonly key: ApiKey;
  readonly digest: Buffer;
}

/** Why nothing was changed: there is no such key, or it is revoked, which is for good. */
export type KeyRefusal = 'unknown' | 'revoked';

/** The keys of all clients. What a call returned from is on the disk; a key is never deleted. */
export interface KeyStore {
  create(settings: ApiKeySettings): NewKey;
  get(id: string): ApiKey | undefined;
  /** In the order in which they were made. */
  list(): ApiKey[];
  update(id: string, changes: Partial<ApiKeySettings>): ApiKey | KeyRefusal;
  /** Another secret for the same key: the old one opens nothing from here on. */
  rotate(id: string): NewKey | KeyRefusal;
  disable(id: string): ApiKey | KeyRefusal;
  enable(id: string): ApiKey | KeyRefusal;
  revoke(id: string): ApiKey | 'unknown';

  /** For whoever verifies keys. */
  stored(): StoredKey[];
  /** Whether another process wrote something since the last call. */
  hasChanged(): boolean;
}

interface Row {
  readonly id: string;
  /** As libsql gives a blob. */
  readonly digest: ArrayBuffer;
  readonly settings: string;
  readonly state: ApiKey['state'];
  readonly created_at: string;
}

/** Keys in the controller's database, which the command line opens as well. */
export function createKeyStore({
  database,
  now,
}: {
  database: SqlDatabase;
  /** Milliseconds since 1970. */
  now: () => number;
}): KeyStore {
  const statements = {
    insert: database.prepare(
      `INSERT INTO api_keys (id, digest, settings, state, created_at) VALUES (?, ?, ?, 'active', ?)`,
    ),
    get: database.prepare('SELECT * FROM api_keys WHERE id = ?'),
    list: database.prepare('SELECT * FROM api_keys ORDER BY rowid'),
    setSettings: database.prepare('UPDATE api_keys SET settings = ? WHERE id = ?'),
    setDigest: database.prepare('UPDATE api_keys SET digest = ? WHERE id = ?'),
    setState: database.prepare('UPDATE api_keys SET state = ? WHERE id = ?'),
  };

  const find = (id: string) => statements.get.get(id) as Row | undefined;
  const readVersion = () => (database.pragma('data_version') as { data_version: number }[])[0]?.data_version;
  let version = readVersion();

  /** `change` as one transaction with the look at the key, and what the key is then. */
  function changing<Args extends unknown[]>(change: (row: Row, ...args: Args) => void) {
    return database.transaction((id: string, ...args: Args): ApiKey | KeyRefusal => {
      const row = find(id);
      if (!row) return 'unknown';
      if (row.state === 'revoked') return 'revoked';
      change(row, ...args);
      return toApiKey(find(id) as Row);
    });
  }

  const setDigest = changing(({ id }, digest: Buffer) => void statements.setDigest.run(digest, id));
  const setState = changing(({ id }, state: ApiKey['state']) => void statements.setState.run(state, id));

  return {
    create(settings) {
      const [id, secret] = [mintKeyId(), mintSecret()];
      const createdAt = new Date(now()).toISOString();
      statements.insert.run(id, digestOf(secret), JSON.stringify(settings), createdAt);
      return { key: toApiKey(find(id) as Row), text: formatKeyText({ id, secret }) };
    },
    get(id) {
      const row = find(id);
      return row && toApiKey(row);
    },
    list: () => (statements.list.all() as Row[]).map(toApiKey),
    update: changing(({ id, settings }, changes: Partial<ApiKeySettings>) => {
      const before = JSON.parse(settings) as ApiKeySettings;
      statements.setSettings.run(JSON.stringify({ ...before, ...changes }), id);
    }),
    rotate(id) {
      const secret = mintSecret();
      const key = setDigest(id, digestOf(secret));
      return typeof key === 'string' ? key : { key, text: formatKeyText({ id, secret }) };
    },
    disable: (id) => setState(id, 'disabled'),
    enable: (id) => setState(id, 'active'),
    revoke(id) {
      statements.setState.run('revoked', id);
      const row = find(id);
      return row ? toApiKey(row) : 'unknown';
    },

    stored: () =>
      (statements.list.all() as Row[]).map((row) => ({
        key: toApiKey(row),
        digest: Buffer.from(row.digest),
      })),
    hasChanged() {
      const before = version;
      version = readVersion();
      return version !== before;
    },
  };
}

function toApiKey({ id, settings, state, created_at: createdAt }: Row): ApiKey {
  return { id, ...(JSON.parse(settings) as ApiKeySettings), state, createdAt };
}
