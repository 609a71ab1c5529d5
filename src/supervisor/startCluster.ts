import type { Logger } from '../observability/logger.js';
import type { ChildSpec } from './childProcess.js';
import { superviseProcess, type SupervisedProcess } from './superviseProcess.js';

export interface LocalClusterOptions {
  /** The spec of the controller; with the URL of its first start, the one for a restart on the same port. */
  readonly controller: (url?: string) => ChildSpec;
  /** The specs of the workers, which join the controller at `controllerUrl`. */
  readonly workers: (controllerUrl: string) => readonly ChildSpec[];
  /** Added to the processes' own drain time before they are killed. */
  readonly drainTimeoutMs: number;
  readonly logger: Logger;
}

export interface LocalCluster {
  readonly controllerUrl: string;
  readonly workers: readonly { readonly name: string; readonly url: string }[];
  /** First the controller, which lets running requests end, then the workers. */
  stop(): Promise<void>;
  /** The controller reads its files again. */
  reload(): void;
  /** Kills everything now. */
  kill(): void;
}

/** What a process may take for its orderly stop beyond its drain time. */
const stopMarginMs = 5_000;

/**
 * Starts the controller and the workers as child processes and keeps them alive.
 *
 * @throws where one of them cannot start at all; the others are stopped then.
 */
export function startCluster(options: LocalClusterOptions): { started: Promise<LocalCluster>; kill(): void } {
  const { logger } = options;
  const processes: SupervisedProcess[] = [];
  const kill = () => processes.forEach((supervised) => supervised.kill());

  async function start(): Promise<LocalCluster> {
    const controller = superviseProcess(options.controller(), options.controller, logger);
    processes.push(controller);
    const controllerUrl = await controller.ready;
    const workers = options.workers(controllerUrl).map((spec) => {
      const tellController = (pid: number) =>
        controller.tell({ type: 'workerKilled', nodeId: spec.name, pid });
      return superviseProcess(spec, () => spec, logger, tellController);
    });
    processes.push(...workers);
    const urls = await Promise.all(workers.map((worker) => worker.ready));
    return {
      controllerUrl,
      workers: workers.map(({ name }, index) => ({ name, url: urls[index] ?? '' })),
      stop: async () => {
        const timeoutMs = options.drainTimeoutMs + stopMarginMs;
        for (const supervised of processes) supervised.retire();
        await controller.stop(timeoutMs);
        await Promise.all(workers.map((worker) => worker.stop(timeoutMs)));
      },
      reload: () => controller.reload(),
      kill,
    };
  }

  const started = start().catch((error: unknown) => {
    kill();
    throw error;
  });
  return { started, kill };
}
