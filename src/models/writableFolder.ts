import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Whether `folder` is there, made now if need be, and takes files. */
export async function isWritableFolder(folder: string): Promise<boolean> {
  try {
    await makeFolder(resolve(folder));
    // Tried out, because permissions do not tell: root has them all, also where nothing can be written.
    await rmdir(await mkdtemp(join(folder, '.writable-')));
    return true;
  } catch {
    return false;
  }
}

/** One folder after the other: under /proc, `recursive` would try for ever. */
async function makeFolder(folder: string): Promise<void> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been faster.
    if (error.code !== 'EEXIST') throw error;
  });
}
