import path from 'node:path';
import { environmentNameOf, settings as table } from '../config/settings.js';
import type { Environment } from './environment.js';
import { readOrCreateSecret, takeGivenSecret } from './secretFiles.js';

/** Holds the token itself, for processes that `up` starts and for containers. */
export const clusterTokenVariable = 'AI_CLUSTER_CLUSTER_TOKEN';

/**
 * The token of the cluster: workers join with it, and the controller calls them with it. From the environment, the
 * file of `--cluster-token-file`, or the data folder, where the first process that needs it makes it.
 *
 * @throws ConfigError where what was given is no secret.
 */
export function readClusterToken(
  { dataDir, clusterTokenFile }: { readonly dataDir: string; readonly clusterTokenFile: string | undefined },
  environment: Environment,
): string {
  const given = takeGivenSecret(environment, {
    variable: clusterTokenVariable,
    flag: `--${table.clusterTokenFile.flag} (${environmentNameOf(table.clusterTokenFile)})`,
    file: clusterTokenFile,
  });
  return readOrCreateSecret({ file: path.resolve(dataDir, 'cluster-token'), given });
}
