import { writeFile } from 'node:fs/promises';
import { createGguf, type GgufValue } from './ggufWriter.js';
import {
  createTinyEncoderVocabulary,
  encoderTokens,
  type TinyEncoderToken,
} from './tinyEncoderVocabulary.js';
import { createTinyEncoderTensors, tinyEncoderShape } from './tinyEncoderWeights.js';

/** What a tiny encoder is made for: vectors of texts, or how well a document answers a query. */
export type TinyEncoderKind = 'embedding' | 'ranking';

/** The tokens that the tiny encoders read at once. */
export const tinyEncoderContextTokens = 512;

/** llama.cpp's `llama_pooling_type`. */
const poolingTypes = { embedding: 1, ranking: 4 } as const;

/**
 * Makes a real GGUF of the BERT architecture, under 1 MB, that llama.cpp loads and runs: a stand-in in tests for
 * models that embed or rank. What it computes has a sense of a kind: texts are the closer and documents the more
 * relevant the more words they share. The bytes are the same on every machine. How the weights do it:
 * {@link createTinyEncoderTensors}.
 */
export function createTinyEncoder(kind: TinyEncoderKind): Buffer {
  const vocabulary = createTinyEncoderVocabulary();
  return createGguf({
    metadata: { ...describeModel(kind), ...describeTokenizer(vocabulary) },
    tensors: createTinyEncoderTensors(vocabulary, kind, tinyEncoderContextTokens),
  });
}

/** Writes {@link createTinyEncoder}'s bytes to `path`, replacing what is there; rejects with Node's file errors. */
export async function writeTinyEncoder(path: string, kind: TinyEncoderKind): Promise<void> {
  await writeFile(path, createTinyEncoder(kind));
}

function describeModel(kind: TinyEncoderKind): Record<string, GgufValue> {
  return {
    'general.architecture': string('bert'),
    'general.name': string(`tiny-${kind}`),
    'general.description': string('Generated test model: knows which texts share words.'),
    'general.file_type': uint32(0),
    'bert.context_length': uint32(tinyEncoderContextTokens),
    'bert.embedding_length': uint32(tinyEncoderShape.width),
    'bert.block_count': uint32(tinyEncoderShape.layers),
    'bert.feed_forward_length': uint32(tinyEncoderShape.feedForwardWidth),
    'bert.attention.head_count': uint32(1),
    'bert.attention.layer_norm_epsilon': { type: 'float32', value: 1e-6 },
    'bert.attention.causal': { type: 'bool', value: false },
    'bert.pooling_type': uint32(poolingTypes[kind]),
  };
}

function describeTokenizer(vocabulary: readonly TinyEncoderToken[]): Record<string, GgufValue> {
  return {
    'tokenizer.ggml.model': string('bert'),
    'tokenizer.ggml.token_type_count': uint32(tinyEncoderShape.tokenTypes),
    'tokenizer.ggml.tokens': { type: 'string[]', value: vocabulary.map(({ text }) => text) },
    'tokenizer.ggml.token_type': { type: 'int32[]', value: vocabulary.map(({ type }) => type) },
    'tokenizer.ggml.unknown_token_id': uint32(encoderTokens.unknown),
    'tokenizer.ggml.bos_token_id': uint32(encoderTokens.classify),
    'tokenizer.ggml.cls_token_id': uint32(encoderTokens.classify),
    'tokenizer.ggml.eos_token_id': uint32(encoderTokens.separate),
    'tokenizer.ggml.seperator_token_id': uint32(encoderTokens.separate),
    'tokenizer.ggml.padding_token_id': uint32(encoderTokens.pad),
    'tokenizer.ggml.mask_token_id': uint32(encoderTokens.mask),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_eos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_sep_token': { type: 'bool', value: false },
  };
}

function uint32(value: number): GgufValue {
  return { type: 'uint32', value };
}

function string(value: string): GgufValue {
  return { type: 'string', value };
}
