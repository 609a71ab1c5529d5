import path from 'node:path';
import { createBatchStore, type BatchStore } from './batchStore.js';
import { openDatabase } from './database.js';
import { createFileStore, type FileStore } from './fileStore.js';

import { createResponseStore, type ResponseStore } from './responseStore.js';

/** What outlives a request. */
export interface Stores {
  readonly responses: ResponseStore;
  readonly files: FileStore;
  readonly batches: BatchStore;
  close(): void;
}

/**
 * The file-backed stores, in a folder of their own.
 *
 * @throws Error where the folder cannot be used.
 */
export function openStores(folder: string, { now = Date.now }: { now?: () => number } = {}): Stores {
  const database = openDatabase(folder);
  try {
    const files = createFileStore({ database, folder: path.join(folder, 'files'), now });
    const batches = createBatchStore({ database, files, now });
    return { responses: createResponseStore(database), files, batches, close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}
