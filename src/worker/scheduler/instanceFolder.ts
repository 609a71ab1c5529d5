import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { tryFileLock } from '../../models/fileLock.js';

/** An empty folder that belongs to this process alone. */
export interface InstanceFolder {
  readonly folder: string;
  remove(): Promise<void>;
}

/** A live owner touches its lock every few seconds. */
const abandonedAfterMs = 60_000;

/**
 * Makes a folder for its owner alone (0700) in `parent` and removes those that processes left there when they died, or
 * machines: a container that is started again is another one.
 */
export async function claimInstanceFolder(parent: string): Promise<InstanceFolder> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const folder = path.join(parent, randomUUID());
  // The lock first: a folder without one is nobody's.
  const lock = await tryFileLock(lockOf(folder));
  if (lock.kind !== 'held') throw new Error(`${lockOf(folder)} is locked`);
  await mkdir(folder, { mode: 0o700 });
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    const other = path.join(parent, entry.name);
    if (entry.isDirectory() && other !== folder) await removeAbandoned(other);
  }
  return {
    folder,
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
      await lock.release();
    },
  };
}

const lockOf = (folder: string) => `${folder}.lock`;

async function removeAbandoned(folder: string): Promise<void> {
  const lock = await tryFileLock(lockOf(folder));
  if (lock.kind === 'busy' && !(await isOld(lockOf(folder)))) return;
  await rm(folder, { recursive: true, force: true });
  if (lock.kind === 'held') await lock.release();
  else await rm(lockOf(folder), { force: true });
}

async function isOld(lock: string): Promise<boolean> {
  const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > abandonedAfterMs;
}
