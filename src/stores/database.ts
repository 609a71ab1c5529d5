import { chmodSync, closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs';
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
  /**
   * `statement`, which is a transaction by itself and does not wait for the disk: what it wrote survives a crash of the
   * process when it returns, and one of the machine within a second.
   */
  lazily<Args extends unknown[]>(statement: (...args: Args) => void): (...args: Args) => void;
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
    // The command line writes keys while a controller runs.
    database.pragma('busy_timeout = 5000');
    // A commit that was acknowledged survives a crash of the process and of the machine.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    migrate(database, file);
    syncNames(folder);
    return withLaterSyncs(database, `${file}-wal`);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Longer than a sync of a slow disk takes, and shorter than the second that was promised. */
const lazySyncMs = 500;

/** In a write-ahead log a commit is what was written last: many share one sync, which covers all that came before. */
function withLaterSyncs(database: SqlDatabase, log: string): StoreDatabase {
  const syncLog = shareRuns(() => syncData(log));
  let timer: NodeJS.Timeout | undefined;

  function withoutSync(write: () => void): void {
    database.exec('PRAGMA synchronous = NORMAL');
    try {
      write();
    } finally {
      database.exec('PRAGMA synchronous = FULL');
    }
  }

  function syncSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // One that fails takes nothing back; the next commit is synced with all before it.
      syncLog().catch(() => undefined);
    }, lazySyncMs).unref();
  }

  return {
    ...database,
    asyncTransaction(action) {
      const commit = database.transaction(action);
      return async (...args) => {
        withoutSync(() => commit(...args));
        await syncLog();
      };
    },
    lazily:
      (statement) =>
      (...args) => {
        withoutSync(() => statement(...args));
        syncSoon();
      },
    close() {
      clearTimeout(timer);
      if (timer) syncDataNow(log);
      database.close();
    },
  };
}

function syncDataNow(file: string): void {
  const descriptor = openSync(file, 'r');
  fdatasyncSync(descriptor);
  closeSync(descriptor);
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

/** One transaction: a crash leaves the version before it or behind it, and another process waits for its end. */
function migrate(database: SqlDatabase, file: string): void {
  if (readVersion(database) === migrations.length) return;
  database.transaction(() => {
    const version = readVersion(database);
    if (version > migrations.length) {
      const known = `this one knows up to ${migrations.length}`;
      throw new Error(`${file} has schema version ${version}, written by a newer ai-cluster: ${known}`);
    }
    for (const sql of migrations.slice(version)) database.exec(sql);
    database.pragma(`user_version = ${migrations.length}`);
  })();
}

function readVersion(database: SqlDatabase): number {
  const [row] = database.pragma('user_version') as { user_version: number }[];
  return row?.user_version ?? 0;
}
