import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tryFileLock, withFileLock } from '../../../src/models/fileLock.js';
import { removeModel } from '../../../src/models/removeModel.js';
import { resolveModel } from '../../../src/models/resolveModel.js';
import {
  createCatalog,
  createModelBytes,
  digest,
  recordProgress,
  sendFile,
  startFakeHub,
} from './fakeHub.js';

const bytes = createModelBytes();
const catalog = createCatalog(bytes);
let modelsDir: string;
let lock: string;

beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'ai-cluster-models-'));
  lock = join(modelsDir, 'model.gguf.lock');
});

/** What this process writes into a lock. */
async function readOwnLock(): Promise<object> {
  const attempt = await tryFileLock(lock);
  const content = JSON.parse(await readFile(lock, 'utf8')) as object;
  if (attempt.kind === 'held') await attempt.release();
  return content;
}

afterEach(() => rm(modelsDir, { recursive: true, force: true }));

it('lets the second wait and find the file of the first', async () => {
  let deliver: () => void = () => undefined;
  let markAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    markAsked = resolve;
  });
  const hub = await startFakeHub((request, response) => {
    deliver = () => sendFile(request, response, bytes);
    markAsked();
  });
  const options = { modelsDir, catalog, hubUrl: hub.url, lockPollMs: 5 };
  const second = recordProgress();

  const first = resolveModel('model', options);
  await asked;
  const found = await resolveModel('model', {
    ...options,
    onProgress: (event) => {
      second.onProgress(event);
      if (event.phase === 'waiting') deliver();
    },
  });

  expect((await first).origin).toBe('hugging-face');
  expect(found.origin).toBe('present');
  expect(second.events).toEqual([
    { phase: 'waiting', pid: process.pid },
    { phase: 'verify', file: join(modelsDir, 'model.gguf') },
  ]);
  expect(hub.requests).toHaveLength(1);
  expect(existsSync(lock)).toBe(false);
  await hub.close();
});

it('lets many at once fetch it once', async () => {
  const hub = await startFakeHub((request, response) => sendFile(request, response, bytes));
  const options = { modelsDir, catalog, hubUrl: hub.url, lockPollMs: 1 };
  const resolved = await Promise.all(Array.from({ length: 8 }, () => resolveModel('model', options)));
  expect(resolved.filter(({ origin }) => origin === 'hugging-face')).toHaveLength(1);
  expect(hub.requests).toHaveLength(1);
  expect(digest(await readFile(join(modelsDir, 'model.gguf')))).toBe(digest(bytes));
  await hub.close();
});

it('takes over the lock of a process that has died, and only one at a time does', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  await writeFile(lock, JSON.stringify({ ...(await readOwnLock()), pid: dead }));
  let inside = 0;
  let most = 0;
  const action = async () => {
    most = Math.max(most, ++inside);
    await readdir(modelsDir);
    inside--;
  };

  await Promise.all(Array.from({ length: 8 }, () => withFileLock(lock, { pollMs: 1 }, action)));

  expect(most).toBe(1);
  expect(await readdir(modelsDir)).toEqual([]);
});

it('takes over the lock of another machine, or an empty one, once it is no longer touched', async () => {
  for (const content of [JSON.stringify({ id: 'x', pid: 1, machine: 'elsewhere' }), '']) {
    await writeFile(lock, content);
    await utimes(lock, new Date(0), new Date(0));
    // Three polls that count as 15 s each, and take none.
    const waits: (number | undefined)[] = [];
    await withFileLock(
      lock,
      { pollMs: 15_000, delay: () => Promise.resolve(), onWait: (pid) => waits.push(pid) },
      () => Promise.resolve(),
    );
    expect(waits).toEqual([content === '' ? undefined : 1]);
  }
});

it('does not take over the lock of a process that lives, nor remove its model', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  await once(child, 'spawn');
  await writeFile(lock, JSON.stringify({ ...(await readOwnLock()), pid: child.pid }));
  await writeFile(join(modelsDir, 'model.gguf'), bytes);

  expect(await tryFileLock(lock)).toEqual({ kind: 'busy', pid: child.pid });
  await expect(removeModel('model', { modelsDir, catalog })).rejects.toMatchObject({ code: 'busy' });

  child.kill();
  await once(child, 'exit');
});
