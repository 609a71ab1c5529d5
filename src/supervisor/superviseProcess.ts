import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../observability/logger.js';
import { startChild, type ChildSpec, type RunningChild } from './childProcess.js';
import type { SupervisorMessage } from '../protocol/supervision.js';
import { countDeaths, decideRestart } from './restartPolicy.js';

/** One process that is kept alive. */
export interface SupervisedProcess {
  readonly name: string;
  /** The URL of the first start; rejects if that one fails, because then starting again would not help. */
  readonly ready: Promise<string>;
  /** From now on its end is no reason to start it again. */
  retire(): void;
  /** SIGTERM, and SIGKILL where it has not ended in time. */
  stop(timeoutMs: number): Promise<void>;
  tell(message: SupervisorMessage): void;
  /** SIGHUP: it reads its files again. */
  reload(): void;
  /** SIGKILL at once. */
  kill(): void;
}

/**
 * Starts a process and starts it again when it dies, later and later; a crash loop is reported.
 *
 * @param toRestartSpec the spec of a restart, given the URL of the first start (which keeps its port)
 * @param onKilled called when somebody has killed it
 */
export function superviseProcess(
  spec: ChildSpec,
  toRestartSpec: (url: string) => ChildSpec,
  logger: Logger,
  onKilled: (pid: number) => void = () => {},
): SupervisedProcess {
  /** In a row, each soon after its start. */
  let deaths = 0;
  let startedAt = performance.now();
  const stopping = new AbortController();
  const startWatched = (watched: ChildSpec) => {
    const started = startChild(watched, logger);
    const { pid } = started;
    if (pid !== undefined) void started.killed.then(() => onKilled(pid));
    return started;
  };
  let child: RunningChild = startWatched(spec);
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
      deaths = countDeaths(deaths, performance.now() - startedAt);
      const { delayMs, isCrashLoop } = decideRestart(deaths);
      const details = { name: spec.name, how, restartInMs: delayMs, deaths };
      if (isCrashLoop) logger.error('process is in a crash loop', details);
      else logger.warn('process died, starting it again', details);
      await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      startedAt = performance.now();
      child = startWatched(toRestartSpec(url));
    }
  }

  return {
    name: spec.name,
    ready,
    retire: () => stopping.abort(),
    tell: (message) => child.tell(message),
    reload: () => child.kill('SIGHUP'),
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
