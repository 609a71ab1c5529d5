import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../observability/logger.js';
import { startChild, type ChildSpec, type RunningChild } from './childProcess.js';
import { decideRestart } from './restartPolicy.js';

/** One process that is kept alive. */
export interface SupervisedProcess {
  readonly name: string;
  /** The URL of the first start; rejects if that one fails, because then starting again would not help. */
  readonly ready: Promise<string>;
  /** SIGTERM, and SIGKILL where it has not ended in time. */
  stop(timeoutMs: number): Promise<void>;
  /** SIGKILL at once. */
  kill(): void;
}

/**
 * Starts a process and starts it again when it dies, later and later; a crash loop is reported.
 *
 * @param toRestartSpec the spec of a restart, given the URL of the first start (which keeps its port)
 */
export function superviseProcess(
  spec: ChildSpec,
  toRestartSpec: (url: string) => ChildSpec,
  logger: Logger,
): SupervisedProcess {
  const deathsMs: number[] = [];
  const stopping = new AbortController();
  let child: RunningChild = startChild(spec, logger);
  const ready = child.ready;
  const finished = run();

  async function run(): Promise<void> {
    let url: string;
    try {
      url = await ready;
    } catch {
      return;
    }
    for (;;) {
      const how = await child.exited;
      if (stopping.signal.aborted) return;
      deathsMs.push(performance.now());
      const { delayMs, isCrashLoop } = decideRestart(deathsMs, performance.now());
      const details = { name: spec.name, how, restartInMs: delayMs, deaths: deathsMs.length };
      if (isCrashLoop) logger.error('process is in a crash loop', details);
      else logger.warn('process died, starting it again', details);
      await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      child = startChild(toRestartSpec(url), logger);
    }
  }

  return {
    name: spec.name,
    ready,
    kill: () => {
      stopping.abort();
      child.kill('SIGKILL');
    },
    stop: async (timeoutMs) => {
      stopping.abort();
      child.kill('SIGTERM');
      const timer = setTimeout(() => {
        logger.error('process did not stop in time, killing it', { name: spec.name });
        child.kill('SIGKILL');
      }, timeoutMs);
      await child.exited;
      clearTimeout(timer);
      await finished;
    },
  };
}
