import path from 'node:path';
import type { Settings } from '../../config/config.js';
import { isLoopbackHost } from '../../config/settingKinds.js';
import { startController } from '../../controller/startController.js';
import { readConnectionLimit } from '../connectionLimit.js';
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
  const { logDir, logLevel } = settings;
  const service = { name: 'controller', supervised, logDir, logLevel, portFlag: 'port' } as const;
  await runService(service, (logger) =>
    startController({
      host: settings.host,
      port: settings.port,
      models,
      nodeIds: workerNames(settings.workers),
      routing: settings.routing,
      cacheSharing: settings.cacheSharing,
      queueLimit: settings.queueLimit,
      queuePromptBytes: settings.queuePromptMegabytes * 1_000_000,
      queueTimeoutMs: settings.queueTimeoutSeconds * 1000,
      requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
      dataDir: path.resolve(settings.dataDir, 'controller'),
      workerSilenceMs: settings.workerSilenceSeconds * 1000,
      drainTimeoutMs: settings.drainTimeoutSeconds * 1000,
      maxConnections: readConnectionLimit(),
      isAllowedWorkerHost: isLoopbackHost,
      version: readVersion(),
      logger,
    }),
  );
}
