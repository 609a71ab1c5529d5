import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { writeTinyModel, type TinyModelOptions } from '../../src/models/tinyModel.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

export interface UpProcess {
  /** Of the controller: `http://127.0.0.1:…`. */
  readonly url: string;
  readonly child: ChildProcess;
  readonly folder: string;
  output(): string;
  status(): Promise<ClusterStatus>;
  /** Sends the signal and resolves with the exit code once the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Kills what is still there and removes the folder. */
  cleanUp(): Promise<void>;
}

export interface UpOptions {
  /** Written into the folder of the run and served, unless `args` name a model. */
  readonly tiny?: TinyModelOptions;
  readonly args?: readonly string[];
  /** Added to that of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the command line as a user would, in a folder of its own; resolves when it says that it is ready. */
export async function startUp({ tiny, args = [], environment = {} }: UpOptions): Promise<UpProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-up-'));
  const model = path.join(folder, 'tiny-test.gguf');
  if (tiny) await writeTinyModel(model, tiny);
  const child = spawn(
    process.execPath,
    [
      ...[program, 'up', '--port', '0', '--worker-port', '0', '--gpu', 'off'],
      ...['--log-dir', path.join(folder, 'logs'), '--data-dir', path.join(folder, 'data')],
      ...(tiny ? ['--model', model] : []),
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...environment } },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const exited = once(child, 'exit') as Promise<[number | null]>;

  await new Promise<void>((resolve, reject) => {
    const check = () => {
      if (output.includes('Stop with Ctrl-C.')) resolve();
    };
    child.stdout.on('data', check);
    void exited.then(() => reject(new Error(`up ended before it was ready:\n${output}`)));
  });
  const url = /Endpoint\s+(https?:\S+)\/v1/.exec(output)?.[1];
  if (url === undefined) throw new Error(`no endpoint in:\n${output}`);

  return {
    url,
    child,
    folder,
    output: () => output,
    status: async () => ClusterStatus.parse(await (await fetch(`${url}/cluster/status`)).json()),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
    cleanUp: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await exited;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a process exists and is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The process ids of all children of a process. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
