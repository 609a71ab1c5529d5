import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startUp, type UpProcess } from '../support/upProcess.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

let up: UpProcess;

beforeAll(async () => {
  up = await startUp({ tiny: {}, args: ['--workers', '2', '--slots', '2', '--context', '256'] });
}, 120_000);
afterAll(() => up.cleanUp());

const nodeOf = async (id: string) => (await up.status()).nodes.find((node) => node.id === id);
const nodes = async (...args: string[]) => {
  const settings = ['--port', new URL(up.url).port, '--data-dir', path.join(up.folder, 'data')];
  const { stdout } = await run(process.execPath, [program, 'nodes', ...args, ...settings]);
  return stdout;
};

it('a worker that hangs gets nothing within 4 s, is offline within 7 s, and is back when it goes on', async () => {
  const worker = await nodeOf('worker_1');
  const pid = Number(worker?.pid);
  const client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'unused', maxRetries: 0 });
  const model = worker?.models[0] ?? '';
  const askSome = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        client.chat.completions.create({ model, max_tokens: 4, messages: [{ role: 'user', content: 'Hi' }] }),
      ),
    );

  process.kill(pid, 'SIGSTOP');
  const stoppedAt = performance.now();
  try {
    await eventually(async () => expect(await nodeOf('worker_1')).toMatchObject({ status: 'degraded' }), {
      timeout: 8_000,
    });
    expect(performance.now() - stoppedAt).toBeLessThan(4_000);
    await askSome(4);
    await eventually(async () => expect(await nodeOf('worker_1')).toMatchObject({ status: 'offline' }), {
      timeout: 12_000,
    });
    expect(performance.now() - stoppedAt).toBeLessThan(7_500);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually(async () => expect(await nodeOf('worker_1')).toMatchObject({ status: 'healthy', pid }), {
    timeout: 10_000,
  });
}, 60_000);

it('a supervised worker that is removed keeps running, and joins again when it is added', async () => {
  const before = (await nodeOf('worker_2'))?.pid;
  expect(await nodes('remove', 'worker_2')).toBe('worker_2: removed\n');
  await eventually(() => expect(up.output()).toContain('this node was removed from the cluster'));
  expect(await nodes()).not.toContain('worker_2');
  expect(await nodes('add', 'worker_2')).toContain('worker_2: expected');
  await eventually(
    async () => expect(await nodeOf('worker_2')).toMatchObject({ state: 'ready', pid: before }),
    {
      timeout: 40_000,
    },
  );
  expect(up.output()).not.toContain('process died');
}, 60_000);
