import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openDatabase } from '../../../src/stores/database.js';
import { eventually } from '../../support/eventually.js';
import { temporaryStores } from '../../support/temporaryStores.js';

/** A database whose disk takes as long as the test wants. */
async function openWithSlowDisk() {
  const { folder } = temporaryStores();
  const database = openDatabase(folder);
  const handle = await open(path.join(folder, 'store.db-wal'));
  const syncs: { readonly end: (error?: Error) => void }[] = [];
  const spy = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'datasync').mockImplementation(
    () =>
      new Promise((resolve, reject) => {
        syncs.push({ end: (error) => (error ? reject(error) : resolve()) });
      }),
  );
  await handle.close();
  onTestFinished(() => {
    spy.mockRestore();
    database.close();
  });
  database.exec('CREATE TABLE lines (number INTEGER) STRICT');
  const insert = database.prepare('INSERT INTO lines VALUES (?)');
  const settled: string[] = [];
  const add = database.asyncTransaction((number: number) => void insert.run(number));
  const addLazily = database.lazily((number: number) => void insert.run(number));
  return {
    settled,
    addLazily,
    syncs,
    /** Notes when it is done. */
    add: (number: number) =>
      void add(number).then(
        () => settled.push(`${number} is safe`),
        (error: Error) => settled.push(`${number}: ${error.message}`),
      ),
    lines: () => (database.prepare('SELECT number FROM lines').all() as { number: number }[]).length,
    level: () => database.pragma('synchronous'),
  };
}

it('one sync is for all commits before it, and none of them is safe earlier', async () => {
  const { add, lines, settled, syncs } = await openWithSlowDisk();
  add(1);
  expect(lines()).toBe(1);
  await eventually(() => expect(syncs).toHaveLength(1));
  add(2);
  add(3);
  expect(lines()).toBe(3);
  expect(settled).toEqual([]);
  syncs[0]?.end();
  await eventually(() => expect(syncs).toHaveLength(2));
  expect(settled).toEqual(['1 is safe']);
  syncs[1]?.end();
  await eventually(() => expect(settled).toEqual(['1 is safe', '2 is safe', '3 is safe']));
  expect(syncs).toHaveLength(2);
});

it('a sync that fails is told to those who waited for it, and to nobody else', async () => {
  const { add, settled, syncs } = await openWithSlowDisk();
  add(1);
  await eventually(() => expect(syncs).toHaveLength(1));
  add(2);
  syncs[0]?.end(new Error('EIO'));
  await eventually(() => expect(syncs).toHaveLength(2));
  syncs[1]?.end();
  await eventually(() => expect(settled).toEqual(['1: EIO', '2 is safe']));
});

it('all other commits wait for the disk themselves, also after one that failed', async () => {
  const { add, settled, syncs, level } = await openWithSlowDisk();
  const full = [{ synchronous: 2 }];
  expect(level()).toEqual(full);
  add(1.5);
  await eventually(() => expect(settled).toEqual([expect.stringMatching(/^1\.5: cannot store REAL/)]));
  expect(level()).toEqual(full);
  expect(syncs).toEqual([]);
});

it('those that are in no hurry share one sync within a second', async () => {
  const { addLazily, lines, syncs, level } = await openWithSlowDisk();
  for (const number of [1, 2, 3]) addLazily(number);
  expect(lines()).toBe(3);
  expect(level()).toEqual([{ synchronous: 2 }]);
  expect(syncs).toHaveLength(0);
  await eventually(() => expect(syncs).toHaveLength(1), { timeout: 10_000 });
  addLazily(4);
  syncs[0]?.end(new Error('EIO'));
  await eventually(() => expect(syncs).toHaveLength(2), { timeout: 10_000 });
  syncs[1]?.end();
});
