import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
const run = promisify(execFile);

let folder: string;
let url: string;
let output = '';
let stop: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-revoke-'));
  const child = spawn(process.execPath, [program, 'controller', '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const exited = once(child, 'exit');
  stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  url = await eventually(
    () => {
      const found = /url=(\S+)/.exec(output)?.[1];
      expect(found).toBeDefined();
      return found ?? '';
    },
    { timeout: 20_000 },
  );
});
afterAll(async () => {
  await stop?.();
  await rm(folder, { recursive: true });
});

/** `ai-cluster keys …` as another process, in the folder of the controller. */
const keys = async (...args: string[]) => run(process.execPath, [program, 'keys', ...args], { cwd: folder });
const statusWith = async (text: string) =>
  (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${text}` } })).status;

/** Milliseconds until a client gets this. */
async function until(text: string, status: number): Promise<number> {
  const startedAt = performance.now();
  await eventually(async () => expect(await statusWith(text)).toBe(status));
  return performance.now() - startedAt;
}

it('beside a controller that runs, and leaves no text of a key anywhere', async () => {
  await eventually(() => expect(output).toContain('the endpoint is open'));
  expect(await statusWith('whatever')).toBe(200);
  const { stdout, stderr } = await keys('create', 'laptop');
  const text = stdout.trim();
  const id = text.slice(0, 13);
  expect(stderr).toContain('not shown again');
  expect(await until('whatever', 401)).toBeLessThan(1_000);
  expect(await statusWith(text)).toBe(200);

  await keys('disable', id);
  expect(await until(text, 401)).toBeLessThan(1_000);
  await keys('enable', id);
  expect(await until(text, 200)).toBeLessThan(1_000);
  const rotated = (await keys('rotate', id)).stdout.trim();
  expect(await until(text, 401)).toBeLessThan(1_000);
  expect(await statusWith(rotated)).toBe(200);
  await keys('revoke', id);
  expect(await until(rotated, 401)).toBeLessThan(1_000);
  expect((await keys('list')).stdout).toMatch(new RegExp(`^${id} +laptop +revoked`, 'm'));

  const admin = readFileSync(path.join(folder, 'data', 'admin-token'), 'utf8').trim();
  expect(statSync(path.join(folder, 'data', 'admin-token')).mode & 0o777).toBe(0o600);
  const listed = await fetch(`${url}/admin/keys`, { headers: { authorization: `Bearer ${admin}` } });
  const files = [path.join(folder, 'data', 'controller'), path.join(folder, 'logs')]
    .flatMap((parent) => readdirSync(parent).map((name) => path.join(parent, name)))
    .filter((file) => existsSync(file) && statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const everything = [await listed.text(), output, metrics, ...files].join('\n');
  expect(everything).toContain(id);
  for (const secret of [text.slice(14), rotated.slice(14), admin]) expect(everything).not.toContain(secret);
}, 60_000);
