import { chmodSync, closeSync, fsyncSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { migrations } from './migrations.js';
import { shareRuns } from './shareRuns.js';
import { openSqlite, type SqlDatabase } from './sqlite.js';

export interface StoreDatabase extends SqlDatabase {
  /**
   * `action` as one transaction, during whose way to the disk the event loop goes on: it can be read at once, and is
   * safe from a crash of the machine when the promise resolves.
   */
  asyncTransaction<Args extends unknown[]>(action: (...args: Args) => void): (...args: Args) => Promise<void>;
}

/**
 * Opens the database in `folder`, makes it where it is not there, and brings an older schema up to date. A commit is on
 * the disk when it returns, unless its transaction is an asynchronous one.
 *
 * @throws Error where the folder cannot be written, or a newer version of the program wrote the file.
 */
export function openDatabase(folder: string): StoreDatabase {
  const file = path.join(folder, 'store.db');
  const database = openSqlite(file);
  try {
    // What clients sent and got is in here.
    chmodSync(file, 0o600);
    // A commit that was acknowledged survives a crash of the process and of the machine.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('busy_timeout = 5000');
    migrate(database, file);
    syncNames(folder);
    return { ...database, asyncTransaction: createAsyncTransaction(database, `${file}-wal`) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** In a write-ahead log a commit is what was written last: many share one sync, which covers all that came before. */
function createAsyncTransaction(database: SqlDatabase, log: string): StoreDatabase['asyncTransaction'] {
  const syncLog = shareRuns(() => syncData(log));
  return (action) => {
    const commit = database.transaction(action);
    return async (...args) => {
      database.pragma('synchronous = NORMAL');
      try {
        commit(...args);
      } finally {
        database.pragma('synchronous = FULL');
      }
      await syncLog();
    };
  };
}

async function syncData(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** SQLite leaves this out where the first commit after the log was made is one that it does not sync itself. */
function syncNames(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Each migration is one transaction: a crash leaves the version before it or behind it. */
function migrate(database: SqlDatabase, file: string): void {
  const version = readVersion(database);
  if (version > migrations.length) {
    const known = `this one knows up to ${migrations.length}`;
    throw new Error(`${file} has schema version ${version}, written by a newer ai-cluster: ${known}`);
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}

function readVersion(database: SqlDatabase): number {
  const [row] = database.pragma('user_version') as { user_version: number }[];
  return row?.user_version ?? 0;
}
