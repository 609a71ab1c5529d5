import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { testClusterToken } from '../../tests/support/clusterToken.js';

export interface RunningProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

export interface ProcessCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Its output is added to this file. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
}

const tailLines = 20;

/** Starts a process that does not outlive this one. */
export function startProcess({ file, args, logFile, env }: ProcessCommand): RunningProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(file, args, {
    stdio: ['ignore', log, log],
    env: { ...(env ?? process.env), AI_CLUSTER_CLUSTER_TOKEN: testClusterToken },
  });
  closeSync(log);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return { pid: child.pid ?? NaN, child, exited, kill: (signal) => child.kill(signal) };
}

/** The end of a log, for the report of a failure. */
export function readTail(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-tailLines).join('\n');
}
