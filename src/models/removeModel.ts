import { lstat, realpath, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Catalog } from './catalog.js';
import { tryFileLock } from './fileLock.js';
import { ModelError } from './modelError.js';
import { besideModel, toModelPath } from './modelFiles.js';
import { parseModelSpec } from './modelSpec.js';

/** What was removed, and the bytes that it took. */
export interface RemovedModel {
  removedPaths: string[];
  freedBytes: number;
}

/**
 * Removes a model from the folder of models: its file, what was partly downloaded, and the note that it was verified.
 * `name` is one that `listModels` shows. Nothing outside `modelsDir` is removed, whatever the name; of a symbolic link,
 * the link. Throws a `ModelError`: `file_not_found`, `busy` while it is being downloaded, or those of `parseModelSpec`.
 */
export async function removeModel(
  name: string,
  { modelsDir, catalog }: { modelsDir: string; catalog: Catalog },
): Promise<RemovedModel> {
  const path = await locate(name, modelsDir, catalog);
  const notThere = new ModelError('file_not_found', `there is no model "${name}" in ${modelsDir}`);
  if (path === undefined) throw notThere;

  const lock = await tryFileLock(besideModel.lock(path));
  if (lock.kind === 'busy') {
    throw new ModelError('busy', `"${name}" is being downloaded by process ${lock.pid ?? '(unknown)'}`);
  }
  try {
    const removed: RemovedModel = { removedPaths: [], freedBytes: 0 };
    const files = [path, besideModel.partial(path), besideModel.sidecar(path)];
    for (const file of files) {
      const stats = await lstat(file).catch(() => undefined);
      if (!stats || stats.isDirectory()) continue;
      await rm(file);
      removed.removedPaths.push(file);
      removed.freedBytes += stats.size;
    }
    if (removed.removedPaths.length === 0) throw notThere;
    return removed;
  } finally {
    await lock.release();
  }
}

/** The path of the named model in the folder, its own folder resolved; undefined when that folder does not exist. */
async function locate(name: string, modelsDir: string, catalog: Catalog): Promise<string | undefined> {
  const spec = parseModelSpec(name, catalog);
  const root = await realpath(modelsDir).catch(() => undefined);
  if (root === undefined) return undefined;
  const wanted = spec.kind === 'path' ? resolve(root, spec.path) : resolve(toModelPath(root, spec));
  const outside = new ModelError(
    'invalid_spec',
    `"${name}" is not in ${modelsDir}: only models in it are removed`,
  );
  // Looked at twice: as a name, before anything is asked of the disk, and with the links in it followed.
  if (!isInside(root, wanted) || !/\.gguf$/i.test(wanted)) throw outside;
  const folder = await realpath(dirname(wanted)).catch(() => undefined);
  if (folder === undefined) return undefined;
  const path = join(folder, basename(wanted));
  if (!isInside(root, path)) throw outside;
  return path;
}

function isInside(root: string, path: string): boolean {
  const steps = relative(root, path);
  return steps !== '' && !isAbsolute(steps) && steps.split(sep)[0] !== '..';
}
