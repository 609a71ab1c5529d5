import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createGguf, type GgufTensor, type GgufValue } from './ggufWriter.js';
import { parseSafetensors } from './safetensors.js';

const Config = z.object({
  model_type: z.literal('bert'),
  position_embedding_type: z.literal('absolute').optional(),
  hidden_act: z.literal('gelu'),
  hidden_size: z.int(),
  intermediate_size: z.int(),
  layer_norm_eps: z.number(),
  max_position_embeddings: z.int(),
  num_attention_heads: z.int(),
  num_hidden_layers: z.int(),
  type_vocab_size: z.int(),
});
type Config = z.infer<typeof Config>;

const Pooling = z.object({ pooling_mode_cls_token: z.boolean(), pooling_mode_mean_tokens: z.boolean() });
type Pooling = z.infer<typeof Pooling>;

const Tokenizer = z.object({
  added_tokens: z.array(z.object({ id: z.int(), content: z.string(), special: z.boolean() })),
  normalizer: z.object({ type: z.literal('BertNormalizer'), lowercase: z.literal(true) }),
  model: z.object({ type: z.literal('WordPiece').optional(), vocab: z.record(z.string(), z.int()) }),
});
type Tokenizer = z.infer<typeof Tokenizer>;

/**
 * Makes a GGUF of a BERT in sentence-transformers' layout (`config.json`, `tokenizer.json`, `model.safetensors`,
 * `1_Pooling/`), as llama.cpp's `conversion/bert.py` does: matrices as 16-bit floats, everything else as it is. The
 * same folder gives the same bytes on every machine. Throws where the model is of another kind.
 */
export async function convertBert(folder: string, path: string, name: string): Promise<void> {
  const readJson = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(join(folder, file), 'utf8'));
  const config = Config.parse(await readJson('config.json'));
  const pooling = Pooling.parse(await readJson('1_Pooling/config.json'));
  const tokenizer = Tokenizer.parse(await readJson('tokenizer.json'));
  const weights = await readFile(join(folder, 'model.safetensors'));
  const gguf = createGguf({
    metadata: { ...describeModel(config, pooling, name), ...describeTokenizer(tokenizer, config) },
    tensors: convertTensors(parseSafetensors(weights), config.num_hidden_layers),
  });
  await writeFile(path, gguf);
}

function describeModel(config: Config, pooling: Pooling, name: string): Record<string, GgufValue> {
  return {
    'general.architecture': string('bert'),
    'general.name': string(name),
    'general.file_type': uint32(1),
    'bert.context_length': uint32(config.max_position_embeddings),
    'bert.embedding_length': uint32(config.hidden_size),
    'bert.block_count': uint32(config.num_hidden_layers),
    'bert.feed_forward_length': uint32(config.intermediate_size),
    'bert.attention.head_count': uint32(config.num_attention_heads),
    'bert.attention.layer_norm_epsilon': { type: 'float32', value: config.layer_norm_eps },
    'bert.attention.causal': bool(false),
    'bert.pooling_type': uint32(toPoolingType(pooling)),
  };
}

/** llama.cpp's `llama_pooling_type`. */
function toPoolingType(pooling: Pooling): number {
  if (pooling.pooling_mode_mean_tokens === pooling.pooling_mode_cls_token)
    throw new Error('the model pools neither the mean nor the first token');
  return pooling.pooling_mode_mean_tokens ? 1 : 2;
}

function describeTokenizer({ added_tokens, model }: Tokenizer, config: Config): Record<string, GgufValue> {
  const special = new Set(added_tokens.filter((token) => token.special).map(({ content }) => content));
  const texts = Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([text]) => text);
  const idOf = (text: string): GgufValue => {
    const id = model.vocab[text];
    if (id === undefined) throw new Error(`the vocabulary has no ${text}`);
    return uint32(id);
  };
  return {
    'tokenizer.ggml.model': string('bert'),
    'tokenizer.ggml.token_type_count': uint32(config.type_vocab_size),
    'tokenizer.ggml.tokens': {
      type: 'string[]',
      value: texts.map((text) => (special.has(text) ? text : toWpmText(text))),
    },
    'tokenizer.ggml.token_type': {
      type: 'int32[]',
      value: texts.map((text) => (special.has(text) ? tokenTypes.control : tokenTypes.normal)),
    },
    'tokenizer.ggml.bos_token_id': idOf('[CLS]'),
    'tokenizer.ggml.cls_token_id': idOf('[CLS]'),
    'tokenizer.ggml.eos_token_id': idOf('[SEP]'),
    'tokenizer.ggml.seperator_token_id': idOf('[SEP]'),
    'tokenizer.ggml.unknown_token_id': idOf('[UNK]'),
    'tokenizer.ggml.padding_token_id': idOf('[PAD]'),
    'tokenizer.ggml.mask_token_id': idOf('[MASK]'),
    'tokenizer.ggml.add_bos_token': bool(true),
    'tokenizer.ggml.add_eos_token': bool(true),
    'tokenizer.ggml.add_sep_token': bool(false),
  };
}

const tokenTypes = { normal: 1, control: 3 } as const;

/** BERT marks what continues a word, llama.cpp what begins one. */
function toWpmText(text: string): string {
  return text.startsWith('##') ? text.slice(2) : `▁${text}`;
}

const tensorNames: readonly (readonly [gguf: string, bert: string, parts: readonly string[]])[] = [
  ['token_embd', 'embeddings.word_embeddings', ['weight']],
  ['position_embd', 'embeddings.position_embeddings', ['weight']],
  ['token_types', 'embeddings.token_type_embeddings', ['weight']],
  ['token_embd_norm', 'embeddings.LayerNorm', ['weight', 'bias']],
];
const layerTensorNames: readonly (readonly [gguf: string, bert: string])[] = [
  ['attn_q', 'attention.self.query'],
  ['attn_k', 'attention.self.key'],
  ['attn_v', 'attention.self.value'],
  ['attn_output', 'attention.output.dense'],
  ['attn_output_norm', 'attention.output.LayerNorm'],
  ['ffn_up', 'intermediate.dense'],
  ['ffn_down', 'output.dense'],
  ['layer_output_norm', 'output.LayerNorm'],
];
/** llama.cpp adds them to activations, for which it wants 32 bits. */
const keptTensors = ['position_embd', 'token_types'];

function convertTensors(read: ReturnType<typeof parseSafetensors>, layers: number): GgufTensor[] {
  const names = [...tensorNames];
  for (let layer = 0; layer < layers; layer++) {
    for (const [gguf, bert] of layerTensorNames)
      names.push([`blk.${layer}.${gguf}`, `encoder.layer.${layer}.${bert}`, ['weight', 'bias']]);
  }
  return names.flatMap(([gguf, bert, parts]) =>
    parts.map((part) => {
      const { shape, data } = read(`${bert}.${part}`);
      const type = shape.length > 1 && !keptTensors.includes(gguf) ? 'f16' : 'f32';
      return { name: `${gguf}.${part}`, shape: [...shape].reverse(), data, type };
    }),
  );
}

function uint32(value: number): GgufValue {
  return { type: 'uint32', value };
}

function bool(value: boolean): GgufValue {
  return { type: 'bool', value };
}

function string(value: string): GgufValue {
  return { type: 'string', value };
}
