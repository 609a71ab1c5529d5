import path from 'node:path';
import type { Settings } from '../../config/config.js';
import { isLoopbackHost } from '../../config/settingKinds.js';
import { startController } from '../../controller/startController.js';
import { readVersion } from '../packageInfo.js';
import { requireFolders } from '../requireFolders.js';
import { readModelIds } from '../resolveModels.js';
import { runService } from '../service.js';
import { workerNames } from '../workerNames.js';

/** `ai-cluster controller`. */
export async function runController(
  settings: Settings,
  { supervised }: { supervised: boolean },
): Promise<void> {
  const models = await readModelIds(settings);
  if (!supervised) await requireFolders(settings, ['logDir', 'dataDir']);
  const service = { name: 'controller', supervised, logDir: settings.logDir, portFlag: 'port' } as const;
  await runService(service, (logger) =>
    startController({
      host: settings.host,
      port: settings.port,
      models,
      nodeIds: workerNames(settings.workers),
      queueLimit: settings.queueLimit,
      queueTimeoutMs: settings.queueTimeoutSeconds * 1000,
      dataDir: path.resolve(settings.dataDir, 'controller'),
      drainTimeoutMs: settings.drainTimeoutSeconds * 1000,
      isAllowedWorkerHost: isLoopbackHost,
      version: readVersion(),
      logger,
    }),
  );
}
