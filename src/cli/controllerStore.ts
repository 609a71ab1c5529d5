import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Settings } from '../config/config.js';
import { openSharedStores, type SharedStores } from '../stores/openStores.js';

type Folder = Pick<Settings, 'dataDir'>;

/** What the controller keeps in its data folder, beside what others have in there. */
export function controllerFolderOf({ dataDir }: Folder): string {
  return path.resolve(dataDir, 'controller');
}

/** Whether a controller, or a command, has stored something there: opening a store that is not there makes it. */
export function hasControllerStore(settings: Folder): boolean {
  return existsSync(path.join(controllerFolderOf(settings), 'store.db'));
}

/** Works on the store of a controller, which may run or not. */
export function withControllerStore<T>(settings: Folder, action: (stores: SharedStores) => T): T {
  const stores = openSharedStores(controllerFolderOf(settings));
  try {
    return action(stores);
  } finally {
    stores.close();
  }
}
