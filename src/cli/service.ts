import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../config/config.js';
import type { Logger, LogLevel } from '../observability/logger.js';
import { closeLogger, createLogger } from '../observability/logger.js';
import { SupervisorMessage, type ChildMessage } from '../protocol/supervision.js';
import { describeError } from '../observability/describeError.js';
import { describeListenError } from './ports.js';
import { exitCodes } from './terminal.js';

/** For the last log lines, before the process ends without them. */
const closeLoggerMs = 2_000;

export interface ServiceOptions {
  readonly name: string;
  /** Under a supervisor, which owns the log files and whose end is ours. */
  readonly supervised: boolean;
  readonly logDir: string;
  readonly logLevel: LogLevel;
  /** The setting of the port it listens on, for the message that it is in use. */
  readonly portFlag: 'port' | 'worker-port';
  /** The other one, for metrics, where it has one. */
  readonly metricsPort: number | undefined;
}

export interface Service {
  readonly url: string;
  /** On SIGHUP; what it throws is logged, and everything stays as it was. Undefined: the signal ends the process. */
  readonly reload?: (() => void) | undefined;
  /** Its supervisor says that a worker was killed from outside. */
  readonly workerKilled?: (nodeId: string, pid: number) => void;
  close(): Promise<void>;
}

/**
 * Runs a controller or a worker as a process: starts it, tells the supervisor, and ends it in order on SIGTERM (and,
 * where it runs alone, on Ctrl-C). A second signal ends it at once.
 */
export async function runService(
  options: ServiceOptions,
  start: (logger: Logger) => Promise<Service>,
): Promise<void> {
  const { name, supervised, logDir, logLevel: level } = options;
  const logger = createLogger(
    supervised
      ? { output: 'json', process: name, level }
      : { output: 'pretty', process: name, logDir, level, color: process.stdout.isTTY },
  );
  const tellSupervisor = (message: ChildMessage) => process.send?.(message);
  /** Ends the process when the log files have their last line. */
  let isExiting = false;
  const exit = async (code: number): Promise<never> => {
    if (isExiting) process.exit(exitCodes.failed);
    isExiting = true;
    await Promise.race([closeLogger(logger), delay(closeLoggerMs)]);
    process.exit(code);
  };

  process.on('uncaughtException', (error) => {
    logger.error('uncaught exception', { error: describeError(error) });
    void exit(exitCodes.failed);
  });
  if (supervised) {
    // The terminal sends Ctrl-C to all processes; the supervisor decides what follows.
    process.on('SIGINT', () => undefined);
    process.on('disconnect', () => process.exit(exitCodes.failed));
    // It may have ended before this line.
    if (!process.connected) process.exit(exitCodes.failed);
  }

  let service: Service;
  try {
    service = await start(logger);
  } catch (error) {
    const { port } = error as { port?: number };
    const flag = port !== undefined && port === options.metricsPort ? 'metrics-port' : options.portFlag;
    const message = `${name} could not start: ${describeListenError(error, flag)}`;
    if (supervised) tellSupervisor({ type: 'failed', message });
    else logger.error(message);
    return exit(error instanceof ConfigError ? exitCodes.badUsage : exitCodes.failed);
  }
  tellSupervisor({ type: 'ready', url: service.url });
  const { reload, workerKilled } = service;
  if (workerKilled) {
    process.on('message', (message) => {
      const heard = SupervisorMessage.safeParse(message);
      if (heard.success) workerKilled(heard.data.nodeId, heard.data.pid);
    });
  }
  if (reload) {
    process.on('SIGHUP', () => {
      try {
        reload();
        logger.info('reloaded');
      } catch (error) {
        logger.error('could not reload', { error: error instanceof Error ? error.message : String(error) });
      }
    });
  }

  let isStopping = false;
  const stop = () => {
    // A service manager may signal every process of the group; the supervisor then asks a second time.
    if (isStopping && supervised) return;
    if (isStopping) process.exit(exitCodes.failed);
    isStopping = true;
    logger.info('stopping');
    service.close().then(
      () => exit(exitCodes.ok),
      (error: unknown) => {
        logger.error('could not stop in order', { error: String(error) });
        return exit(exitCodes.failed);
      },
    );
  };
  process.on('SIGTERM', stop);
  if (!supervised) process.on('SIGINT', stop);
}
