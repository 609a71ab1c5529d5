import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { migrations } from './migrations.js';

/** One SQLite file. Calls are synchronous; a commit is on the disk when it returns. */
export type StoreDatabase = Database.Database;

/**
 * Opens the database in `folder`, makes both where they are not there, and brings an older schema up to date.
 *
 * @throws Error where the folder cannot be written, or a newer version of the program wrote the file.
 */
export function openDatabase(folder: string): StoreDatabase {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'store.db');
  const database = new Database(file);
  try {
    // What clients sent and got is in here.
    chmodSync(file, 0o600);
    // A commit that was acknowledged survives a crash of the process and of the machine.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('busy_timeout = 5000');
    migrate(database, file);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Each migration is one transaction: a crash leaves the version before it or behind it. */
function migrate(database: StoreDatabase, file: string): void {
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

function readVersion(database: StoreDatabase): number {
  const [row] = database.pragma('user_version') as { user_version: number }[];
  return row?.user_version ?? 0;
}
