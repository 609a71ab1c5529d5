import path from 'node:path';
import type { Settings } from '../../config/config.js';
import { startController, type RunningController } from '../../controller/startController.js';
import { readAdminToken } from '../adminToken.js';
import { readCertificate } from '../certificates.js';
import { readClusterToken } from '../clusterToken.js';
import { controllerFolderOf } from '../controllerStore.js';
import { readConnectionLimit } from '../connectionLimit.js';
import type { Environment } from '../environment.js';
import { hashSettings, toMetricsOptions } from '../metricsOptions.js';
import { readVersion } from '../packageInfo.js';
import { requireFolders } from '../requireFolders.js';
import { readModelIds } from '../resolveModels.js';
import { runService } from '../service.js';
import { workerNames } from '../workerNames.js';

/** `ai-cluster controller`. */
export async function runController(
  settings: Settings,
  { supervised, environment }: { supervised: boolean; environment: Environment },
): Promise<void> {
  const models = await readModelIds(settings);
  if (!supervised) await requireFolders(settings, ['logDir', 'dataDir']);
  const clusterToken = readClusterToken(settings, environment);
  const tls = readCertificate(settings);
  const adminToken = readAdminToken(settings, environment);
  const { logDir, logLevel, metricsPort } = settings;
  const service = {
    name: 'controller',
    supervised,
    logDir,
    logLevel,
    portFlag: 'port',
    metricsPort,
  } as const;
  await runService(service, async (logger) => {
    const controller = await startController({
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
      dataDir: controllerFolderOf(settings),
      workerSilenceMs: settings.workerSilenceSeconds * 1000,
      drainTimeoutMs: settings.drainTimeoutSeconds * 1000,
      clusterToken,
      adminToken,
      connectionLimits: { maxConnections: settings.maxConnections ?? readConnectionLimit() },
      ...(tls && { tls }),
      workerNetworks: settings.workerNetworks,
      allowedHosts: settings.allowedHosts,
      allowedOrigins: settings.allowedOrigins,
      metrics: toMetricsOptions(settings),
      metricsPort,
      otlpEndpoint: settings.otlpEndpoint,
      scrapeTargetsDir: path.join(settings.dataDir, 'prometheus'),
      configHash: hashSettings(settings),
      version: readVersion(),
      logger,
    });
    return { ...controller, ...(tls && { reload: () => setCertificate(controller, settings) }) };
  });
}

function setCertificate(controller: RunningController, settings: Settings): void {
  const tls = readCertificate(settings);
  if (tls) controller.setCertificate(tls);
}
