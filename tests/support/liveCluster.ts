import { expect } from 'vitest';
import type { ControllerOptions } from '../../src/controller/controllerOptions.js';
import { startController } from '../../src/controller/startController.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { internalPaths } from '../../src/protocol/workerApi.js';
import { eventually } from './eventually.js';
import { startFakeWorker, type FakeWorker, type Script } from './fakeWorker.js';
import { captureLog, testControllerOptions, type LogCapture } from './testCluster.js';
import { startTinyWorker } from './tinyWorker.js';

/** Of the fake worker: an id with all that ids may hold. */
export const scriptedModel = 'org/scripted:Q4_K_M';

export interface LiveClusterOptions {
  /** How the fake worker answers. */
  readonly script: Script;
  readonly scriptedSlots?: number;
  /** Without the real worker the cluster starts at once; with it by default. */
  readonly tiny?: boolean;
  readonly controller?: Partial<ControllerOptions>;
}

export interface LiveCluster {
  readonly url: string;
  readonly scripted: FakeWorker;
  readonly log: LogCapture;
  status(): Promise<ClusterStatus>;
  close(): Promise<void>;
}

/**
 * A controller, a real worker with the tiny models (`tiny`, `tiny-embedding`, `tiny-rerank`), and a fake worker with
 * {@link scriptedModel}, for a whole test file: start it in `beforeAll`.
 */
export async function startLiveCluster(options: LiveClusterOptions): Promise<LiveCluster> {
  const { script, scriptedSlots = 4, tiny: withTiny = true } = options;
  const nodeIds = withTiny ? ['worker_1', 'worker_2'] : ['worker_2'];
  const log = captureLog();
  const scripted = await startFakeWorker({
    nodeId: 'worker_2',
    models: [scriptedModel],
    slots: scriptedSlots,
    script,
    // Tokenization: the only calls that a model of text gets.
    plainScript: ({ path, answer }) =>
      answer(path === internalPaths.tokenize ? { tokens: [1, 2, 3] } : { text: 'abc' }),
  });
  const controller = await startController({
    ...testControllerOptions,
    models: [],
    nodeIds,
    logger: log.logger,
    ...options.controller,
  });
  const { url } = controller;
  scripted.join(url);
  const tiny = withTiny ? await startTinyWorker({ slots: 4, controllerUrl: url }) : undefined;
  const status = async () => ClusterStatus.parse(await (await fetch(`${url}/cluster/status`)).json());
  await eventually(async () => {
    expect((await status()).nodes.map(({ state }) => state)).toEqual(nodeIds.map(() => 'ready'));
  });
  return {
    url,
    scripted,
    log,
    status,
    close: async () => {
      await Promise.all([tiny?.close(), scripted.kill()]);
      await controller.close();
    },
  };
}
