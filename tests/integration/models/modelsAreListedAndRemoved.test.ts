import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCatalog, type Catalog } from '../../../src/models/catalog.js';
import { listModels } from '../../../src/models/listModels.js';
import { removeModel } from '../../../src/models/removeModel.js';
import { resolveModel } from '../../../src/models/resolveModel.js';

let folder: string;
let modelsDir: string;
let catalog: Catalog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-models-'));
  modelsDir = join(folder, 'models');
  catalog = await loadCatalog();
  await mkdir(modelsDir);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const remove = (name: string) => removeModel(name, { modelsDir, catalog });

it('generates the tiny model, once', async () => {
  const path = join(modelsDir, 'tiny.gguf');
  expect(await resolveModel('tiny', { modelsDir, catalog })).toMatchObject({
    id: 'tiny',
    path,
    origin: 'generated',
  });
  expect(await resolveModel('tiny', { modelsDir, catalog })).toMatchObject({
    id: 'tiny',
    path,
    origin: 'present',
  });
});

describe('the list', () => {
  it('is empty when there is no folder', async () => {
    expect(await listModels(join(folder, 'none'), catalog)).toEqual([]);
  });

  it('shows models of the catalog, of the hub, strays and partial downloads, and no other files', async () => {
    await resolveModel('tiny', { modelsDir, catalog });
    await mkdir(join(modelsDir, 'hf', 'owner', 'repo', 'sub'), { recursive: true });
    await writeFile(join(modelsDir, 'hf', 'owner', 'repo', 'sub', 'a.gguf'), 'GGUF');
    await writeFile(join(modelsDir, 'SmolLM2-135M-Instruct.Q4_1.gguf.partial'), '123');
    await writeFile(join(modelsDir, 'mine.gguf'), 'GGUF!');
    await writeFile(join(modelsDir, 'README.md'), '');

    expect(await listModels(modelsDir, catalog)).toEqual([
      {
        kind: 'hub',
        name: 'hf:owner/repo/sub/a.gguf',
        path: join(modelsDir, 'hf', 'owner', 'repo', 'sub', 'a.gguf'),
        sizeBytes: 4,
        state: 'unverified',
      },
      {
        kind: 'stray',
        name: 'mine.gguf',
        path: join(modelsDir, 'mine.gguf'),
        sizeBytes: 5,
        state: 'unverified',
      },
      {
        kind: 'catalog',
        name: 'smollm2-135m-instruct',
        path: join(modelsDir, 'SmolLM2-135M-Instruct.Q4_1.gguf'),
        sizeBytes: 3,
        state: 'partial',
      },
      {
        kind: 'catalog',
        name: 'tiny',
        path: join(modelsDir, 'tiny.gguf'),
        sizeBytes: 783_200,
        state: 'verified',
      },
    ]);
  });
});

describe('removing', () => {
  it('takes the file, the note and the partial download, and says what became free', async () => {
    const { path } = await resolveModel('tiny', { modelsDir, catalog });
    await writeFile(`${path}.partial`, '123');
    const { removedPaths, freedBytes } = await remove('tiny');
    expect(removedPaths).toHaveLength(3);
    expect(freedBytes).toBeGreaterThan(783_203);
    expect(await readdir(modelsDir)).toEqual([]);
  });

  it('takes every name that the list shows', async () => {
    await mkdir(join(modelsDir, 'hf', 'owner', 'repo'), { recursive: true });
    await writeFile(join(modelsDir, 'hf', 'owner', 'repo', 'a.gguf'), 'GGUF');
    await writeFile(join(modelsDir, 'mine.gguf'), 'GGUF');
    for (const { name } of await listModels(modelsDir, catalog)) await remove(name);
    expect(await listModels(modelsDir, catalog)).toEqual([]);
  });

  it('complains about a model that is not there', async () => {
    await expect(remove('tiny')).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(remove('hf:owner/repo/a.gguf')).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(remove('nonsense')).rejects.toMatchObject({ code: 'unknown_model' });
  });

  it.each([
    '../outside.gguf',
    'sub/../../outside.gguf',
    './',
    '.',
    '..',
    '../models',
    'hf:../../outside.gguf',
  ])('does not touch what is not a model in the folder: %s', async (name) => {
    await writeFile(join(folder, 'outside.gguf'), 'GGUF');
    await expect(remove(name)).rejects.toMatchObject({ name: 'ModelError' });
    expect(existsSync(join(folder, 'outside.gguf'))).toBe(true);
  });

  it('does not follow links out of the folder', async () => {
    const outside = join(folder, 'outside.gguf');
    await writeFile(outside, 'GGUF');
    await symlink(folder, join(modelsDir, 'link'));
    await symlink(outside, join(modelsDir, 'linked.gguf'));

    await expect(remove('link/outside.gguf')).rejects.toMatchObject({ code: 'invalid_spec' });
    await expect(remove(outside)).rejects.toMatchObject({ code: 'invalid_spec' });
    await remove('linked.gguf');

    expect(await readdir(modelsDir)).toEqual(['link']);
    expect(existsSync(outside)).toBe(true);
  });

  it('removes nothing but models', async () => {
    await writeFile(join(modelsDir, 'catalog.json'), '{}');
    await expect(remove('./catalog.json')).rejects.toMatchObject({ code: 'invalid_spec' });
    expect(existsSync(join(modelsDir, 'catalog.json'))).toBe(true);
  });
});
