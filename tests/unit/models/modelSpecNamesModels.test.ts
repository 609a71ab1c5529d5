import { describe, expect, it } from 'vitest';
import { loadCatalog } from '../../../src/models/catalog.js';
import { parseModelSpec, toModelId } from '../../../src/models/modelSpec.js';

const catalog = await loadCatalog();
const parse = (text: string) => parseModelSpec(text, catalog);

describe('a model spec', () => {
  it('is a name of the catalog', () => {
    const spec = parse('tiny');
    expect(spec).toMatchObject({ kind: 'catalog', entry: { name: 'tiny' } });
    expect(toModelId(spec)).toBe('tiny');
  });

  it.each([
    ['/models/Some.Model-Q4_K_M.gguf', 'Some.Model-Q4_K_M'],
    ['mine.gguf', 'mine'],
    ['MINE.GGUF', 'MINE'],
    ['./tiny', 'tiny'],
    ['folder/tiny', 'tiny'],
  ])('is a path when it looks like one: %s', (text, id) => {
    const spec = parse(text);
    expect(spec).toEqual({ kind: 'path', path: text });
    expect(toModelId(spec)).toBe(id);
  });

  it.each([
    ['hf:owner/repo/file.gguf', 'owner/repo', 'file.gguf', 'file'],
    ['hf:Owner-1/repo.GGUF/a/b/file.Q8_0.gguf', 'Owner-1/repo.GGUF', 'a/b/file.Q8_0.gguf', 'file.Q8_0'],
  ])('is a file of the hub: %s', (text, repo, file, id) => {
    const spec = parse(text);
    expect(spec).toEqual({ kind: 'hub', repo, file });
    expect(toModelId(spec)).toBe(id);
  });

  it.each([
    'hf:',
    'hf:repo',
    'hf:owner/repo',
    'hf:owner/file.gguf',
    'hf:owner/repo/file.bin',
    'hf:owner/repo/.gguf',
    'hf:owner/repo/a/.gguf',
    'hf:owner//file.gguf',
    'hf:owner/../file.gguf',
    'hf:../repo/file.gguf',
    'hf:owner/repo/../../../file.gguf',
    'hf:owner/repo/a b.gguf',
    'hf:owner/repo/a?b.gguf',
    'hf:/owner/repo/file.gguf',
  ])('is refused as a file of the hub: %s', (text) => {
    expect(() => parse(text)).toThrow('does not have the form hf:owner/repo/file.gguf');
  });

  it('is refused when it is one part of a split model', () => {
    expect(() => parse('hf:owner/repo/big-00001-of-00003.gguf')).toThrow('one part of a split model');
  });

  it.each(['gpt-4', '', 'Tiny'])('that is unknown says what is accepted: "%s"', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'unknown_model',
        message:
          `there is no model "${text}"; known names: smollm2-135m-instruct, tiny, all-minilm-l6-v2, ` +
          'tiny-embedding, tiny-rerank; or give the path of a GGUF file, or hf:owner/repo/file.gguf',
      }),
    );
  });
});
