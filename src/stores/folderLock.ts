import path from 'node:path';
import { openSqlite } from './sqlite.js';

/**
 * Takes the folder for this process alone: SQLite's lock on an empty file, which the system gives back however the
 * process ends.
 *
 * @returns what gives it back earlier.
 * @throws Error where another process has it.
 */
export function lockFolder(folder: string): () => void {
  const lock = openSqlite(path.join(folder, 'lock'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    const message = `another controller uses ${folder}: stop it, or give this one another --data-dir`;
    throw new Error(message, { cause: error });
  }
  return () => {
    lock.exec('ROLLBACK');
    lock.close();
  };
}
