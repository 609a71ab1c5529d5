import { statfs } from 'node:fs/promises';

/** Bytes that this user may still write to the file system of `folder`. */
export async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Throws an Error that names both figures when fewer than `neededBytes` are available in `folder`. */
export async function requireFreeSpace(
  folder: string,
  neededBytes: number,
  readFree: (folder: string) => Promise<number>,
): Promise<void> {
  const availableBytes = await readFree(folder);
  if (availableBytes >= neededBytes) return;
  throw new Error(
    `not enough disk space in ${folder}: ${toMegabytes(neededBytes)} MB needed, ${toMegabytes(availableBytes)} MB available`,
  );
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
