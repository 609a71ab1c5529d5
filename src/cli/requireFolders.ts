import { ConfigError, type Settings } from '../config/config.js';
import { settings as table } from '../config/settings.js';
import { isWritableFolder } from '../models/writableFolder.js';

/**
 * Makes the folders of these settings where they are missing.
 *
 * @throws ConfigError naming each that cannot be written.
 */
export async function requireFolders(
  settings: Settings,
  keys: readonly ('logDir' | 'dataDir')[],
): Promise<void> {
  const problems: string[] = [];
  for (const key of keys) {
    if (await isWritableFolder(settings[key])) continue;
    problems.push(`--${table[key].flag}: ${settings[key]} is not a folder that can be written`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
