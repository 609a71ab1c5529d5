import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

const spy = `
process.on('exit', () => process._rawDebug('threads: ' + require('node:fs').readdirSync('/proc/self/task').length));
`;

/** How many threads the program has when it ends; loading it uses libuv's pool, which is all there then. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-pool-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const spyFile = path.join(folder, 'spy.cjs');
  await writeFile(spyFile, spy);
  const { UV_THREADPOOL_SIZE: _ours, ...rest } = process.env;
  const { stderr } = await promisify(execFile)(process.execPath, ['--require', spyFile, program, ...args], {
    env: { ...rest, ...env },
  });
  return Number(/threads: (\d+)/.exec(stderr)?.[1]);
}

it('which is three threads less than other processes have', async () => {
  const other = await run(['status', '--help']);
  expect(await run(['worker', '--help'])).toBe(other - 3);
});

it('unless told otherwise', async () => {
  const other = await run(['status', '--help']);
  expect(await run(['worker', '--help'], { UV_THREADPOOL_SIZE: '4' })).toBe(other);
});
