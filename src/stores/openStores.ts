import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createBatchStore, type BatchStore } from './batchStore.js';
import { openDatabase } from './database.js';
import { createFileStore, type FileStore } from './fileStore.js';
import { lockFolder } from './folderLock.js';
import { createResponseStore, type ResponseStore } from './responseStore.js';

/** What outlives a request. */
export interface Stores {
  readonly responses: ResponseStore;
  readonly files: FileStore;
  readonly batches: BatchStore;
  close(): void;
}

/**
 * The file-backed stores, in a folder of their own, which is made where it is not there.
 *
 * @throws Error where the folder cannot be used, or another process uses it.
 */
export function openStores(folder: string, { now = Date.now }: { now?: () => number } = {}): Stores {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const opened: { close(): void }[] = [];
  const close = () =>
    opened
      .splice(0)
      .reverse()
      .forEach((resource) => resource.close());
  try {
    opened.push({ close: lockFolder(folder) });
    const database = openDatabase(folder);
    opened.push(database);
    const files = createFileStore({ database, folder: path.join(folder, 'files'), now });
    const batches = createBatchStore({ database, files, now });
    return { responses: createResponseStore(database), files, batches, close };
  } catch (error) {
    close();
    throw error;
  }
}
