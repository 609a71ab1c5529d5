import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger, LogEntry, LogLevel } from '../observability/logger.js';
import { ChildMessage, type SupervisorMessage } from '../protocol/supervision.js';
import { readOutOfMemoryKills } from './outOfMemoryKills.js';

export interface ChildSpec {
  /** `controller`, `worker_1`, …; the field `process` of its log lines. */
  readonly name: string;
  /** The program and its arguments. */
  readonly modulePath: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface RunningChild {
  readonly pid: number | undefined;
  /** Resolves with the URL it serves, or rejects with what it said before it died. */
  readonly ready: Promise<string>;
  /** Resolves with a description of how it ended, with what it said: `signal SIGKILL`, `exit code 1: … could not start`. */
  readonly exited: Promise<string>;
  /** Resolves, only where that was so and before `exited`, when somebody has killed it: not the system for memory. */
  readonly killed: Promise<void>;
  tell(message: SupervisorMessage): void;
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): void;
}

/** Starts one process of the cluster; its log lines become ours, with its name. */
export function startChild(spec: ChildSpec, logger: Logger): RunningChild {
  const child = fork(spec.modulePath, [...spec.args], {
    env: spec.environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const killed = waitForKill(child);
  const logs = [readLog(child.stdout, spec.name, logger), readStderr(child.stderr, spec.name, logger)];
  let reason: string | undefined;
  const exited = waitForExit(child, logs).then((how) => (reason === undefined ? how : `${how}: ${reason}`));
  const ready = new Promise<string>((resolve, reject) => {
    child.on('message', (message) => {
      const parsed = ChildMessage.safeParse(message);
      if (!parsed.success) return;
      if (parsed.data.type === 'ready') resolve(parsed.data.url);
      else reason = parsed.data.message;
    });
    void exited.then((how) =>
      reject(new Error(reason ?? `${spec.name} ended with ${how} before it was ready`)),
    );
  });
  ready.catch(() => undefined);
  return {
    pid: child.pid,
    ready,
    exited,
    killed,
    // One that is ending hears nothing any more, and need not.
    tell: (message) => void (child.connected && child.send(message, () => undefined)),
    kill: (signal) => void child.kill(signal),
  };
}

function waitForKill(child: ChildProcess): Promise<void> {
  const killsBefore = readOutOfMemoryKills();
  return new Promise((resolve) => {
    child.once('exit', (_code, signal) => {
      if (signal === 'SIGKILL' && killsBefore !== undefined && readOutOfMemoryKills() === killsBefore)
        resolve();
    });
  });
}

async function waitForExit(child: ChildProcess, logs: readonly Promise<void>[]): Promise<string> {
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  await Promise.all(logs);
  return how;
}

const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** Lines on stdout are log entries; anything else (a native library printing) is kept as text. */
async function readLog(stdout: Readable | null, name: string, logger: Logger): Promise<void> {
  await readLines(stdout, (line) => {
    const entry = tryParseEntry(line);
    if (entry) logger.log(entry);
    else logger.info('output', { process: name, text: line });
  });
}

async function readStderr(stderr: Readable | null, name: string, logger: Logger): Promise<void> {
  await readLines(stderr, (line) => logger.error('output on stderr', { process: name, text: line }));
}

async function readLines(stream: Readable | null, onLine: (line: string) => void): Promise<void> {
  if (!stream) return;
  const lines = createInterface({ input: stream });
  lines.on('line', (line) => {
    if (line.trim() !== '') onLine(line);
  });
  await once(lines, 'close');
}

function tryParseEntry(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Partial<LogEntry>;
    const level = levels.find((candidate) => candidate === entry.level);
    return level && typeof entry.message === 'string'
      ? { ...entry, level, message: entry.message }
      : undefined;
  } catch {
    return undefined;
  }
}
