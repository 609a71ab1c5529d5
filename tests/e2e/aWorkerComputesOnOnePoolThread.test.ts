import { execFile } from 'node:child_process';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

/** What libuv reads when its thread pool is first used, seen from within the program. */
async function readPoolSize(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-pool-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const spy = path.join(folder, 'spy.cjs');
  await writeFile(
    spy,
    "process.on('exit', () => process._rawDebug(`pool:${process.env.UV_THREADPOOL_SIZE}`));\n",
  );
  const { UV_THREADPOOL_SIZE: _ours, ...rest } = process.env;
  const { stderr } = await promisify(execFile)(process.execPath, ['--require', spy, program, ...args], {
    env: { ...rest, ...env },
  });
  return /pool:(\w+)/.exec(stderr)?.[1] ?? stderr;
}

it('in a worker', async () => {
  expect(await readPoolSize(['worker', '--help'])).toBe('1');
});

it('unless told otherwise', async () => {
  expect(await readPoolSize(['worker', '--help'], { UV_THREADPOOL_SIZE: '4' })).toBe('4');
});

it('and in no other process', async () => {
  expect(await readPoolSize(['status', '--help'])).toBe('undefined');
});
