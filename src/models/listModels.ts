import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Catalog } from './catalog.js';
import { besideModel, hubFolder, readVerified } from './modelFiles.js';

/**
 * A model file in the folder of models. `name` is what `resolveModel` and `removeModel` take: the catalog's name or
 * `hf:owner/repo/file.gguf`, and for a stray file, that none of the two knows, its path in the folder. `verified`
 * means that its digest was found right and that it has not changed since; nothing is hashed for a list.
 */
export interface ListedModel {
  kind: 'catalog' | 'hub' | 'stray';
  name: string;
  path: string;
  /** For a partial file, what has arrived. */
  sizeBytes: number;
  state: 'verified' | 'unverified' | 'partial';
}

/** The model files in `modelsDir`, by name; an empty list when there is no such folder. */
export async function listModels(modelsDir: string, catalog: Catalog): Promise<ListedModel[]> {
  const entries = await readdir(modelsDir, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    },
  );
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  const models = paths
    .filter((path) => !path.includes(besideModel.staging('')))
    .map(async (path) => {
      if (/\.gguf$/i.test(path)) return describeFile(modelsDir, path, catalog);
      const complete = path.slice(0, -besideModel.partial('').length);
      const isPartial = besideModel.partial(complete) === path && /\.gguf$/i.test(complete);
      return isPartial ? describePartial(modelsDir, complete, catalog) : undefined;
    });
  const listed = (await Promise.all(models)).filter((model) => model !== undefined);
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function describeFile(
  modelsDir: string,
  path: string,
  catalog: Catalog,
): Promise<ListedModel | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isFile()) return undefined;
  const { kind, name } = identify(modelsDir, path, catalog);
  const verified = await readVerified(path);
  const pinned = catalog.models.find((entry) => kind === 'catalog' && entry.name === name);
  const isRight = verified !== undefined && (pinned === undefined || pinned.sha256 === verified.sha256);
  return { kind, name, path, sizeBytes: stats.size, state: isRight ? 'verified' : 'unverified' };
}

async function describePartial(
  modelsDir: string,
  path: string,
  catalog: Catalog,
): Promise<ListedModel | undefined> {
  const stats = await stat(besideModel.partial(path)).catch(() => undefined);
  if (!stats) return undefined;
  return { ...identify(modelsDir, path, catalog), path, sizeBytes: stats.size, state: 'partial' };
}

function identify(modelsDir: string, path: string, catalog: Catalog): Pick<ListedModel, 'kind' | 'name'> {
  const parts = relative(modelsDir, path).split(sep);
  const file = parts.join('/');
  const entry = catalog.models.find((model) => model.file === file);
  if (entry) return { kind: 'catalog', name: entry.name };
  if (parts[0] === hubFolder && parts.length >= 4)
    return { kind: 'hub', name: `hf:${parts.slice(1).join('/')}` };
  return { kind: 'stray', name: file };
}
