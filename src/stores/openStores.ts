import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createBatchStore, type BatchStore } from './batchStore.js';
import { openDatabase, type StoreDatabase } from './database.js';
import { createFileStore, type FileStore } from './fileStore.js';
import { lockFolder } from './folderLock.js';
import { createKeyStore, type KeyStore } from './keyStore.js';
import { createResponseStore, type ResponseStore } from './responseStore.js';
import { createUsageStore, type UsageStore } from './usageStore.js';

/** What several processes may use at once: a controller and the command line. */
export interface SharedStores {
  readonly keys: KeyStore;
  readonly usage: UsageStore;
  close(): void;
}

/** What outlives a request. */
export interface Stores extends SharedStores {
  readonly responses: ResponseStore;
  readonly files: FileStore;
  readonly batches: BatchStore;
}

export interface StoresOptions {
  /** Milliseconds since 1970, by default the machine's. */
  readonly now?: () => number;
}

/**
 * The file-backed stores, in a folder of their own, which is made where it is not there.
 *
 * @throws Error where the folder cannot be used, or another process uses it.
 */
export function openStores(folder: string, { now = Date.now }: StoresOptions = {}): Stores {
  makeFolder(folder);
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
    const responses = createResponseStore(database);
    return { responses, files, batches, ...createSharedStores(database, now), close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The stores of the same folder that the command line may change, whether a controller has the folder or not.
 *
 * @throws Error where the folder cannot be used.
 */
export function openSharedStores(folder: string, { now = Date.now }: StoresOptions = {}): SharedStores {
  makeFolder(folder);
  const database = openDatabase(folder);
  return { ...createSharedStores(database, now), close: () => database.close() };
}

function createSharedStores(database: StoreDatabase, now: () => number): Omit<SharedStores, 'close'> {
  return { keys: createKeyStore({ database, now }), usage: createUsageStore({ database, now }) };
}

function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}
