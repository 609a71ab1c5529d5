import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGgufFileInfo } from 'node-llama-cpp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { convertBert } from '../../../src/models/bertConversion.js';
import { toFloat16Bits } from '../../../src/models/float16.js';
import { parseSafetensors } from '../../../src/models/safetensors.js';
import { writeBertFolder } from '../../support/bertFolder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-bert-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a BERT', () => {
  it('becomes a GGUF with all that llama.cpp wants to know', async () => {
    const path = join(folder, 'bert.gguf');
    await writeBertFolder(folder);
    await convertBert(folder, path, 'bert');

    const { metadata, fullTensorInfo = [] } = await readGgufFileInfo(path);
    expect(metadata).toMatchObject({
      general: { architecture: 'bert', name: 'bert' },
      bert: {
        context_length: 6,
        embedding_length: 4,
        block_count: 1,
        feed_forward_length: 8,
        attention: { head_count: 1, causal: false },
        pooling_type: 1,
      },
      tokenizer: {
        ggml: {
          model: 'bert',
          tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '▁ro', 'bot'],
          token_type: [3, 3, 3, 3, 3, 1, 1],
          bos_token_id: 2,
          seperator_token_id: 3,
          add_sep_token: false,
        },
      },
    });
    const tensors = fullTensorInfo.map(({ name, dimensions, ggmlType }) => [
      name,
      dimensions.map(Number).join(),
      ggmlType,
    ]);
    expect(tensors).toHaveLength(21);
    expect(tensors).toEqual(
      expect.arrayContaining([
        ['token_embd.weight', '4,7', 1],
        ['position_embd.weight', '4,6', 0],
        ['token_types.weight', '4,2', 0],
        ['token_embd_norm.bias', '4', 0],
        ['blk.0.attn_q.weight', '4,4', 1],
        ['blk.0.attn_output_norm.weight', '4', 0],
        ['blk.0.ffn_up.weight', '4,8', 1],
        ['blk.0.ffn_down.weight', '8,4', 1],
        ['blk.0.layer_output_norm.bias', '4', 0],
      ]),
    );
  });

  it('becomes the same bytes each time', async () => {
    await writeBertFolder(folder);
    const files = ['a.gguf', 'b.gguf'].map((name) => join(folder, name));
    for (const file of files) await convertBert(folder, file, 'bert');
    const [a, b] = await Promise.all(files.map((file) => readFile(file)));
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
  });

  it('that pools the first token says so', async () => {
    const pooling = { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false };
    await writeBertFolder(folder, { pooling });
    const path = join(folder, 'bert.gguf');
    await convertBert(folder, path, 'bert');
    const { architectureMetadata } = await readGgufFileInfo(path);
    expect(architectureMetadata.pooling_type).toBe(2);
  });

  it.each([
    ['another architecture', { config: { model_type: 'xlm-roberta' } }, 'model_type'],
    [
      'relative positions',
      { config: { position_embedding_type: 'relative_key' } },
      'position_embedding_type',
    ],
    ['another pooling', { pooling: { pooling_mode_mean_tokens: false } }, 'pools neither'],
    ['a layer that is missing', { config: { num_hidden_layers: 2 } }, 'there is no tensor encoder.layer.1'],
    ['floats of another size', { dtype: 'F16' }, 'is of type F16, not F32'],
  ])('is refused with %s', async (_name, changes, message) => {
    await writeBertFolder(folder, changes);
    await expect(convertBert(folder, join(folder, 'bert.gguf'), 'bert')).rejects.toThrow(message);
  });
});

describe('a safetensors file', () => {
  it('gives its tensors by name', async () => {
    await writeBertFolder(folder);
    const read = parseSafetensors(await readFile(join(folder, 'model.safetensors')));
    const { shape, data } = read('embeddings.position_embeddings.weight');
    expect(shape).toEqual([6, 4]);
    expect([...data.subarray(0, 3)]).toEqual([3.5, 3.625, 3.75]);
    expect(() => read('__metadata__')).toThrow('there is no tensor __metadata__');
  });

  it('is refused where it ends too early', async () => {
    await writeBertFolder(folder);
    const whole = await readFile(join(folder, 'model.safetensors'));
    expect(() => parseSafetensors(whole.subarray(0, 100))).toThrow('the header is longer than the file');
    const read = parseSafetensors(whole.subarray(0, -4));
    expect(() => read('encoder.layer.0.output.LayerNorm.bias')).toThrow('does not fill its shape');
  });
});

describe('a number in 16 bits', () => {
  it.each([
    ['1', 1, 0x3c00],
    ['a third', 1 / 3, 0x3555],
    ['-2', -2, 0xc000],
    ['-0', -0, 0x8000],
    ['halfway, to the even one below', 1 + 2 ** -11, 0x3c00],
    ['halfway, to the even one above', 1 + 3 * 2 ** -11, 0x3c02],
    ['the largest', 65_504, 0x7bff],
    ['too large', 65_520, 0x7c00],
    ['infinite', -Infinity, 0xfc00],
    ['the smallest normal', 2 ** -14, 0x0400],
    ['rounded up to the smallest normal', 2 ** -14 - 2 ** -26, 0x0400],
    ['the smallest', 2 ** -24, 0x0001],
    ['too small', 2 ** -25, 0x0000],
    ['none', NaN, 0x7e00],
  ])('%s', (_name, value, bits) => {
    expect(toFloat16Bits(value)).toBe(bits);
  });
});
