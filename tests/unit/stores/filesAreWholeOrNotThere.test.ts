import fs, { readdirSync, statSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import type { Stores } from '../../../src/stores/openStores.js';
import { streamOf, temporaryStores } from '../../support/temporaryStores.js';

const details = { owner: 'k', filename: 'a.txt', purpose: 'user_data', lifetimeSeconds: null };

async function add({ files }: Stores, text: string, more: Partial<typeof details> & object = {}) {
  return files.add(await files.stage(streamOf(text)), { ...details, ...more });
}

async function contentOf({ files }: Stores, id: string): Promise<string> {
  let text = '';
  for await (const chunk of files.read(id)) text += String(chunk);
  return text;
}

it('a file has the bytes that were streamed and what was said of it, also after the store is opened again', async () => {
  const temporary = temporaryStores();
  const first = temporary.open();
  const staged = await first.files.stage(streamOf('Grüße', ', ', 'Welt\n'));
  const file = first.files.add(staged, {
    owner: 'k',
    filename: 'a.txt',
    purpose: 'assistants',
    lifetimeSeconds: 3600,
  });
  expect(file).toEqual({
    id: expect.stringMatching(/^file-[0-9a-f]{32}$/) as string,
    object: 'file',
    bytes: 14,
    created_at: 1_000_000,
    expires_at: 1_003_600,
    filename: 'a.txt',
    purpose: 'assistants',
    status: 'processed',
  });
  first.close();

  const second = temporary.open();
  expect(second.files.get(file.id)).toEqual(file);
  expect(await contentOf(second, file.id)).toBe('Grüße, Welt\n');
});

it('only the owner of the process can read the folder, the files and the database', async () => {
  const temporary = temporaryStores();
  const { id } = await add(temporary.open(), 'secret');
  const modeOf = (...names: string[]) => statSync(path.join(temporary.folder, ...names)).mode & 0o777;
  expect(modeOf('files')).toBe(0o700);
  expect(modeOf('files', id)).toBe(0o600);
  expect(modeOf('store.db')).toBe(0o600);
});

it('content that breaks off leaves nothing', async () => {
  const temporary = temporaryStores();
  const { files } = temporary.open();
  async function* broken() {
    yield* streamOf('half of ');
    throw new Error('connection reset');
  }
  await expect(files.stage(broken())).rejects.toThrow('connection reset');
  expect(readdirSync(path.join(temporary.folder, 'files'))).toEqual([]);
  expect(files.list({ owner: 'k', order: 'asc', limit: 10 })).toEqual([]);
});

it('content that breaks off before its file is there leaves nothing, either', async () => {
  const { folder, open } = temporaryStores();
  const { files } = open();
  const openFile = fs.open;
  let openLate = () => {};
  vi.spyOn(fs, 'open').mockImplementationOnce((...args: unknown[]) => {
    openLate = () => void Reflect.apply(openFile, fs, args);
  });
  const content = new Readable({ read: () => undefined });
  const staged = files.stage(content).catch(String);
  content.destroy(new Error('broken'));
  // Enough for whoever does not wait.
  for (let round = 0; round < 20; round++) await stat(folder);
  openLate();

  expect(await staged).toBe('Error: broken');
  for (let round = 0; round < 20; round++) await stat(folder);
  expect(readdirSync(path.join(folder, 'files'))).toEqual([]);
});

it('what a killed process left is swept, what belongs to a file is not', async () => {
  const temporary = temporaryStores();
  const stores = temporary.open();
  const { id } = await add(stores, 'kept');
  const staged = await stores.files.stage(streamOf('complete, but of no file'));
  writeFileSync(path.join(temporary.folder, 'files', 'file-1.part'), 'half');
  expect(readdirSync(path.join(temporary.folder, 'files')).sort()).toEqual(
    [id, staged.id, 'file-1.part'].sort(),
  );
  stores.files.sweep();
  expect(readdirSync(path.join(temporary.folder, 'files'))).toEqual([id]);
  expect(await contentOf(stores, id)).toBe('kept');
});

it('a deleted file is gone with its bytes, and can be deleted once', async () => {
  const temporary = temporaryStores();
  const stores = temporary.open();
  const { id } = await add(stores, 'x');
  expect(stores.files.delete(id)).toBe(true);
  expect(stores.files.delete(id)).toBe(false);
  expect(stores.files.get(id)).toBeUndefined();
  expect(readdirSync(path.join(temporary.folder, 'files'))).toEqual([]);
});

it('lists go by the order of creation, a page at a time, also behind a file that was deleted meanwhile', async () => {
  const stores = temporaryStores().open();
  const ids: string[] = [];
  for (const purpose of ['batch', 'evals', 'batch', 'batch'])
    ids.push((await add(stores, purpose, { purpose })).id);
  const list = (query: Partial<Parameters<typeof stores.files.list>[0]>) =>
    stores.files.list({ owner: 'k', order: 'asc', limit: 10, ...query }).map(({ id }) => ids.indexOf(id));

  expect(list({})).toEqual([0, 1, 2, 3]);
  expect(list({ order: 'desc' })).toEqual([3, 2, 1, 0]);
  expect(list({ limit: 2 })).toEqual([0, 1]);
  expect(list({ after: ids[1] })).toEqual([2, 3]);
  expect(list({ order: 'desc', after: ids[1] })).toEqual([0]);
  expect(list({ purpose: 'batch' })).toEqual([0, 2, 3]);
  expect(list({ purpose: 'batch', after: ids[0], limit: 1 })).toEqual([2]);
  stores.files.delete(ids[1] as string);
  expect(list({ after: ids[1] })).toEqual([2, 3]);
});

it('a file is reported as expired from its second on', async () => {
  const temporary = temporaryStores();
  const stores = temporary.open();
  const { id } = stores.files.add(await stores.files.stage(streamOf('x')), {
    ...details,
    lifetimeSeconds: 3600,
  });
  await add(stores, 'stays');
  temporary.clock.seconds += 3599;
  expect(stores.files.expired()).toEqual([]);
  temporary.clock.seconds += 1;
  expect(stores.files.expired().map((file) => file.id)).toEqual([id]);
});
