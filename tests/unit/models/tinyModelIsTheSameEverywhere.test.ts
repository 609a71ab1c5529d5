import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadCatalog } from '../../../src/models/catalog.js';
import { createGguf } from '../../../src/models/ggufWriter.js';
import { createTinyEncoder } from '../../../src/models/tinyEncoder.js';
import { createTinyEncoderVocabulary } from '../../../src/models/tinyEncoderVocabulary.js';
import { createTinyModel } from '../../../src/models/tinyModel.js';
import { createTinyVocabulary } from '../../../src/models/tinyVocabulary.js';

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the tiny model', () => {
  it('has the size and digest that the catalog says', async () => {
    const entry = (await loadCatalog()).models.find(({ name }) => name === 'tiny');
    const bytes = createTinyModel();
    expect({ sizeBytes: bytes.length, sha256: digest(bytes) }).toEqual({
      sizeBytes: entry?.sizeBytes,
      sha256: entry?.sha256,
    });
    expect(bytes.length).toBeLessThan(1_000_000);
  });

  it('is another one with each option, and always the same with the same', () => {
    const variants = [{}, { endless: true }, { layers: 1 }, { seed: 2 }].map((options) => {
      expect(digest(createTinyModel(options))).toBe(digest(createTinyModel(options)));
      return digest(createTinyModel(options));
    });
    expect(new Set(variants).size).toBe(4);
  });

  it('has every token once, and no more levels than fit beside the start', () => {
    const { tokens, levelCount } = createTinyVocabulary();
    expect(new Set(tokens.map(({ text }) => text)).size).toBe(tokens.length);
    expect(levelCount).toBe(28);
    for (let level = 0; level < levelCount; level++) {
      const isEmoji = level >= 18 && level < 22;
      expect(tokens.filter((token) => token.level === level)).toHaveLength(isEmoji ? 1 : 8);
    }
  });
});

describe('the tiny encoders', () => {
  it.each([
    ['tiny-embedding', 'embedding'],
    ['tiny-rerank', 'ranking'],
  ] as const)('%s has the size and digest that the catalog says', async (name, kind) => {
    const entry = (await loadCatalog()).models.find((model) => model.name === name);
    const bytes = createTinyEncoder(kind);
    expect({ sizeBytes: bytes.length, sha256: digest(bytes) }).toEqual({
      sizeBytes: entry?.sizeBytes,
      sha256: entry?.sha256,
    });
    expect(entry?.sources).toEqual([{ type: 'generated', kind }]);
  });

  it('have every token once', () => {
    const texts = createTinyEncoderVocabulary().map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
  });
});

describe('a GGUF file', () => {
  it('begins as the format says, with tensors on multiples of 32 bytes', () => {
    const bytes = createGguf({
      metadata: { 'a.b': { type: 'uint32', value: 7 } },
      tensors: [{ name: 't', shape: [2], data: Float32Array.of(1.5, -2) }],
    });
    expect(bytes.subarray(0, 4).toString()).toBe('GGUF');
    expect(bytes.readUInt32LE(4)).toBe(3);
    expect(bytes.readBigUInt64LE(8)).toBe(1n);
    expect(bytes.readBigUInt64LE(16)).toBe(1n);
    expect(bytes.length % 32).toBe(0);
    expect(bytes.readFloatLE(bytes.length - 32)).toBe(1.5);
    expect(bytes.readFloatLE(bytes.length - 28)).toBe(-2);
  });

  it('is refused when a tensor does not fill its shape', () => {
    const tensors = [{ name: 't', shape: [2, 2], data: new Float32Array(3) }];
    expect(() => createGguf({ metadata: {}, tensors })).toThrow('tensor t holds 3 values, its shape 4');
  });
});
