import path from 'node:path';
import { environmentNameOf, settings as table } from '../config/settings.js';
import type { Environment } from './environment.js';
import { readOrCreateSecret, requireSecret, takeGivenSecret } from './secretFiles.js';

/** Holds the token itself, for the controller that `up` starts and for containers. */
export const adminTokenVariable = 'AI_CLUSTER_ADMIN_TOKEN';

interface AdminTokenSettings {
  readonly dataDir: string;
  readonly adminTokenFile: string | undefined;
}

/**
 * The token of the operators: from the environment, the file of `--admin-token-file`, or the data folder, where the
 * controller makes it at its first start.
 *
 * @throws ConfigError where what was given is no secret.
 */
export function readAdminToken(settings: AdminTokenSettings, environment: Environment): string {
  return readOrCreateSecret({ file: fileOf(settings), given: takeGiven(settings, environment) });
}

/** The same for commands that ask a controller. @throws Error where there is none: only a controller makes one. */
export function findAdminToken(settings: AdminTokenSettings, environment: Environment): string {
  const hint = `give the --data-dir of the controller, or ${adminTokenVariable}, or --${table.adminTokenFile.flag}`;
  return takeGiven(settings, environment) ?? requireSecret(fileOf(settings), hint);
}

function fileOf({ dataDir }: AdminTokenSettings): string {
  return path.resolve(dataDir, 'admin-token');
}

function takeGiven(
  { adminTokenFile: file }: AdminTokenSettings,
  environment: Environment,
): string | undefined {
  const flag = `--${table.adminTokenFile.flag} (${environmentNameOf(table.adminTokenFile)})`;
  return takeGivenSecret(environment, { variable: adminTokenVariable, flag, file });
}
