import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The sizes of the BERT that {@link writeBertFolder} writes. */
export const bertShape = { width: 4, feedForwardWidth: 8, layers: 1, positions: 6 } as const;

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'ro', '##bot'];

/** A BERT of a few numbers in sentence-transformers' layout; `config` and `tensors` replace parts of it. */
export async function writeBertFolder(
  folder: string,
  changes: { config?: object; pooling?: object; dtype?: string } = {},
): Promise<void> {
  const { width, feedForwardWidth, layers, positions } = bertShape;
  const config = {
    model_type: 'bert',
    hidden_act: 'gelu',
    hidden_size: width,
    intermediate_size: feedForwardWidth,
    layer_norm_eps: 1e-12,
    max_position_embeddings: positions,
    num_attention_heads: 1,
    num_hidden_layers: layers,
    type_vocab_size: 2,
    ...changes.config,
  };
  const pooling = { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true, ...changes.pooling };
  const tokenizer = {
    added_tokens: words.slice(0, 5).map((content, id) => ({ id, content, special: true })),
    normalizer: { type: 'BertNormalizer', lowercase: true },
    model: { type: 'WordPiece', vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
  };
  await mkdir(path.join(folder, '1_Pooling'), { recursive: true });
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(path.join(folder, '1_Pooling', 'config.json'), JSON.stringify(pooling));
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(path.join(folder, 'model.safetensors'), createSafetensors(listShapes(), changes.dtype));
}

function listShapes(): Record<string, number[]> {
  const { width, feedForwardWidth, layers, positions } = bertShape;
  const shapes: Record<string, number[]> = {
    'embeddings.word_embeddings.weight': [words.length, width],
    'embeddings.position_embeddings.weight': [positions, width],
    'embeddings.token_type_embeddings.weight': [2, width],
    'embeddings.LayerNorm.weight': [width],
    'embeddings.LayerNorm.bias': [width],
    'pooler.dense.weight': [width, width],
  };
  const dense = (name: string, outputs: number, inputs: number) => {
    shapes[`${name}.weight`] = [outputs, inputs];
    shapes[`${name}.bias`] = [outputs];
  };
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string) => `encoder.layer.${layer}.${part}`;
    for (const part of ['query', 'key', 'value']) dense(name(`attention.self.${part}`), width, width);
    dense(name('attention.output.dense'), width, width);
    dense(name('intermediate.dense'), feedForwardWidth, width);
    dense(name('output.dense'), width, feedForwardWidth);
    for (const part of ['attention.output.LayerNorm', 'output.LayerNorm']) {
      shapes[name(`${part}.weight`)] = [width];
      shapes[name(`${part}.bias`)] = [width];
    }
  }
  return shapes;
}

/** The numbers of all tensors count on from 0 in steps of 1/8. */
function createSafetensors(shapes: Record<string, number[]>, dtype = 'F32'): Buffer {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  const values: number[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = values.length * 4;
    const elements = shape.reduce((product, length) => product * length, 1);
    for (let index = 0; index < elements; index++) values.push(values.length / 8);
    header[name] = { dtype, shape, data_offsets: [begin, values.length * 4] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => data.writeFloatLE(value, index * 4));
  return Buffer.concat([length, text, data]);
}
