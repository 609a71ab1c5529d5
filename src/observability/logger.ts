import { EventEmitter } from 'node:events';
import winston from 'winston';
import { createForgivingFiles } from './forgivingFiles.js';

/** What the other folders see of winston. Fields go behind the message; never a prompt, an answer or a secret. */
export type Logger = Pick<winston.Logger, 'log' | 'error' | 'warn' | 'info' | 'debug' | 'isLevelEnabled'>;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** A log line as it stands in `combined.log` and on the stdout of a supervised process. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface LoggerOptions {
  /** `json`: lines for the supervisor, which owns the files; `pretty`: for a person at a terminal. */
  readonly output: 'json' | 'pretty';
  /** Whether this process owns `combined.log` and `error.log` in this folder. */
  readonly logDir?: string;
  /** Field `process` of every line: `supervisor`, `controller`, `worker_1`. */
  readonly process: string;
  readonly color?: boolean;
  /** Less important lines are left out; `info` by default. */
  readonly level?: LogLevel;
}

const maxFileBytes = 10 * 1024 * 1024;
const maxFiles = 5;
const colors: Record<string, string> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[90m',
};

/**
 * JSON lines in files rotated by size, and on stdout either JSON or text. Lines that cannot be written to a file are
 * lost there, which stdout says once.
 */
export function createLogger(options: LoggerOptions): winston.Logger {
  const asJson = winston.format.json();
  const transports: winston.transport[] = [
    new winston.transports.Console({
      format: options.output === 'json' ? asJson : pretty(options.color ?? false),
    }),
  ];
  const onOutage = (error: Error) => {
    logger.error('log file cannot be written, lines are lost', { error: error.message });
  };
  if (options.logDir !== undefined) {
    const file = { dirname: options.logDir, maxsize: maxFileBytes, maxFiles, tailable: true, format: asJson };
    const toOptions = () => ({ flags: 'a', fs: createForgivingFiles(onOutage) });
    transports.push(
      new winston.transports.File({ ...file, filename: 'combined.log', options: toOptions() }),
      new winston.transports.File({ ...file, filename: 'error.log', level: 'error', options: toOptions() }),
    );
  }
  // Added before the transports, so that a line has the same time in all of them.
  const format = addContext({ process: options.process });
  const logger = winston.createLogger({ level: options.level ?? 'info', format, transports });
  // winston looks at the level of a line when it has formatted it.
  if (!logger.isLevelEnabled('debug')) logger.debug = () => logger;
  logger.on('error', (error: Error, transport?: winston.transport) => {
    // What is logged behind the end has nowhere to go.
    if (!transport) return;
    // A file that cannot even be looked at: without its transport the others go on.
    logger.remove(transport);
    onOutage(error);
  });
  return logger;
}

/** Calls `listener` for each line that is logged. Loggers of other kinds have no lines to tell of. */
export function onLogLine(logger: Logger, listener: (entry: { level: LogLevel }) => void): void {
  if (!(logger instanceof EventEmitter)) return;
  // winston shows lines here that it will not write.
  logger.on('data', ({ level }: LogEntry) => {
    if (logger.isLevelEnabled(level)) listener({ level });
  });
}

/** A line that a supervised process wrote keeps its own time and name. */
const addContext = winston.format((entry, options) => {
  entry['timestamp'] ??= new Date().toISOString();
  entry['process'] ??= (options as { process: string }).process;
  return entry;
});

/** Resolves when every line is in its file; nothing may be logged any more. */
export function closeLogger(logger: winston.Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.once('finish', () => resolve());
    logger.end();
  });
}

function pretty(color: boolean): winston.Logform.Format {
  return winston.format.printf((entry) => {
    const { level, message, timestamp, process, ...fields } = entry as unknown as LogEntry &
      Record<string, unknown>;
    // Of this place; the files have UTC.
    const time = new Date(String(timestamp)).toTimeString().slice(0, 8);
    const paint = color ? `${colors[level] ?? ''}${level.padEnd(5)}\u001b[0m` : level.padEnd(5);
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ');
    return `${time} ${paint} ${String(process).padEnd(10)} ${message}${details === '' ? '' : `  ${details}`}`;
  });
}
