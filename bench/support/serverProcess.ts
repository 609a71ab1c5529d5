import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { testClusterToken } from '../../tests/support/clusterToken.js';
import { findFreePort } from '../../tests/support/freePort.js';

export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  signal(name: NodeJS.Signals): void;
  /** Whether it still runs, and the end of its output. */
  describe(): string;
  close(): Promise<void>;
}

export interface ServerCommand {
  readonly name: string;
  readonly file: string;
  readonly toArgs: (port: number) => readonly string[];
  /** Answers 200 when the model is loaded. */
  readonly healthPath: string;
  /** Its output goes to a file here. */
  readonly folder: string;
}

const longestStartMs = 180_000;
const longestStopMs = 15_000;
const healthPollMs = 100;
const lastLogLines = 15;

/**
 * Starts a server on a free port of the loopback interface and waits until it answers. It does not outlive this
 * process.
 *
 * @throws where it ends or is not ready in time, with the end of its output.
 */
export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const port = await findFreePort();
  const logFile = path.join(command.folder, `${command.name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(command.file, command.toArgs(port), { stdio: ['ignore', log, log], env: cleanEnv() });
  closeSync(log);
  const ended = once(child, 'close').catch(() => undefined);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const url = `http://127.0.0.1:${port}`;
  const readTail = () => readFileSync(logFile, 'utf8').trim().split('\n').slice(-lastLogLines).join('\n');
  const giveUpAt = performance.now() + longestStartMs;
  while (!(await isHealthy(`${url}${command.healthPath}`))) {
    const isGone = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    if (isGone || performance.now() > giveUpAt) {
      kill();
      throw new Error(`${command.name} did not start:\n${readTail() || command.file}`);
    }
    await delay(healthPollMs);
  }
  return {
    pid: child.pid ?? NaN,
    url,
    signal: (name) => child.kill(name),
    describe: () => {
      const end = child.signalCode ?? child.exitCode;
      const state = end === null ? 'is still running' : `ended with ${end}`;
      return `${command.name} ${state}; the end of its output:\n${readTail()}`;
    },
    close: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(kill, longestStopMs);
      await ended;
      clearTimeout(timer);
      process.off('exit', kill);
    },
  };
}

/** Settings of the person at the keyboard are not part of the benchmark; the token makes all parts one cluster. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(AI_CLUSTER|LLAMA_ARG)_/.test(name));
  return { ...Object.fromEntries(entries), AI_CLUSTER_CLUSTER_TOKEN: testClusterToken };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
