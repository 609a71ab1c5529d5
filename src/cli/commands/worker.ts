import { availableParallelism } from 'node:os';
import path from 'node:path';
import { planThreads, portsFrom, type Settings } from '../../config/config.js';
import { startWorker } from '../../worker/startWorker.js';
import { toCaReader } from '../certificates.js';
import { readClusterToken } from '../clusterToken.js';
import type { Environment } from '../environment.js';
import { toMetricsOptions } from '../metricsOptions.js';
import { readVersion } from '../packageInfo.js';
import { requireFreePorts } from '../ports.js';
import { requireFolders } from '../requireFolders.js';
import { resolveModels } from '../resolveModels.js';
import { runService } from '../service.js';

/** `ai-cluster worker`. By itself it may use all cores; `up` tells each of its workers how many. */
export async function runWorker(
  settings: Settings,
  { supervised, environment }: { supervised: boolean; environment: Environment },
): Promise<void> {
  const plan = planThreads({ cores: availableParallelism(), workers: 1, requested: settings.threads });
  const { nodeId: name, host, logDir, logLevel, workerPort, metricsPort } = settings;
  if (!supervised) await requireFolders(settings, ['logDir', 'dataDir']);
  const clusterToken = readClusterToken(settings, environment);
  const readControllerCa = toCaReader(settings);
  const service = { name, supervised, logDir, logLevel, portFlag: 'worker-port', metricsPort } as const;
  await runService(service, async (logger) => {
    if (plan.warning !== undefined) logger.warn(plan.warning);
    if (settings.controllerUrl === undefined) {
      logger.warn('no --controller was given: this worker joins nothing and gets no requests');
    }
    // Before a download, not behind it; the supervisor has looked already.
    if (!supervised) {
      await requireFreePorts([
        { flag: 'worker-port', host, ports: [workerPort] },
        { flag: 'metrics-port', host, ports: portsFrom(metricsPort, 1) },
      ]);
    }
    const models = await resolveModels(settings, { showProgress: !supervised });
    return startWorker({
      nodeId: settings.nodeId,
      host: settings.host,
      port: settings.workerPort,
      controllerUrl: settings.controllerUrl,
      readControllerCa,
      advertiseUrl: settings.advertiseUrl,
      clusterToken,
      models,
      slots: settings.slots,
      contextTokens: settings.contextTokens,
      threads: plan.threadsPerWorker,
      gpu: settings.gpu,
      gpuLayers: settings.gpuLayers,
      prefixCache: toPrefixCache(settings),
      drainTimeoutMs: settings.drainTimeoutSeconds * 1000,
      metrics: toMetricsOptions(settings),
      metricsPort: settings.metricsPort,
      version: readVersion(),
      logger,
    });
  });
}

function toPrefixCache({ dataDir, nodeId, prefixCacheMegabytes }: Settings) {
  if (prefixCacheMegabytes === 0) return undefined;
  const parentFolder = path.resolve(dataDir, 'prefix-cache', nodeId);
  return { parentFolder, maxBytes: prefixCacheMegabytes * 1_000_000 };
}
