import { writeFile } from 'node:fs/promises';
import { createGguf } from './ggufWriter.js';
import type { GgufValue } from './ggufWriter.js';
import { createTinyVocabulary } from './tinyVocabulary.js';
import type { TinyVocabulary } from './tinyVocabulary.js';
import { createTinyTensors, tinyShape } from './tinyWeights.js';

/** Variants of the tiny model. The catalog's `tiny` is the one without any option. */
export interface TinyModelOptions {
  /** Never ends an answer: after the last word a space, then from the beginning with other words. Default false. */
  endless?: boolean;
  /** Transformer layers, 2 by default; more of them make it slower. */
  layers?: number;
  /** Another seed gives another model of the same shape and vocabulary. Default 1. */
  seed?: number;
}

/** The tokens that the tiny model can hold in its context. */
export const tinyContextTokens = 32_768;

const chatTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/**
 * Makes a real GGUF of the Llama architecture, under 1 MB, that llama.cpp loads and runs: a stand-in for a model in
 * tests and on machines without a network. It writes printable sentences without sense, 28 tokens long with an emoji
 * of four byte tokens in the middle; which words it takes depends on the whole prompt. The bytes are the same on
 * every machine. How the weights do it: {@link createTinyTensors}.
 */
export function createTinyModel(options: TinyModelOptions = {}): Buffer {
  const { endless = false, layers = 2, seed = 1 } = options;
  const vocabulary = createTinyVocabulary();
  return createGguf({
    metadata: {
      ...describeModel(vocabulary, { endless, layers }),
      ...describeTokenizer(vocabulary),
    },
    tensors: createTinyTensors(vocabulary, { endless, layers, seed }),
  });
}

/** Writes {@link createTinyModel}'s bytes to `path`, replacing what is there; rejects with Node's file errors. */
export async function writeTinyModel(path: string, options: TinyModelOptions = {}): Promise<void> {
  await writeFile(path, createTinyModel(options));
}

function describeModel(
  { tokens }: TinyVocabulary,
  { endless, layers }: { endless: boolean; layers: number },
): Record<string, GgufValue> {
  return {
    'general.architecture': string('llama'),
    'general.name': string(endless ? 'tiny-endless' : 'tiny'),
    'general.description': string('Generated test model: writes printable gibberish.'),
    'general.file_type': uint32(0),
    'llama.vocab_size': uint32(tokens.length),
    'llama.context_length': uint32(tinyContextTokens),
    'llama.embedding_length': uint32(tinyShape.width),
    'llama.block_count': uint32(layers),
    'llama.feed_forward_length': uint32(tinyShape.feedForwardWidth),
    'llama.rope.dimension_count': uint32(tinyShape.headWidth),
    'llama.rope.freq_base': { type: 'float32', value: 10_000 },
    'llama.attention.head_count': uint32(tinyShape.heads),
    'llama.attention.head_count_kv': uint32(tinyShape.keyValueHeads),
    'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-5 },
  };
}

function describeTokenizer({ tokens, idOf }: TinyVocabulary): Record<string, GgufValue> {
  return {
    'tokenizer.ggml.model': string('llama'),
    'tokenizer.ggml.tokens': { type: 'string[]', value: tokens.map((token) => token.text) },
    'tokenizer.ggml.scores': { type: 'float32[]', value: tokens.map((token) => token.score) },
    'tokenizer.ggml.token_type': { type: 'int32[]', value: tokens.map((token) => token.type) },
    'tokenizer.ggml.unknown_token_id': uint32(idOf('<unk>')),
    'tokenizer.ggml.bos_token_id': uint32(idOf('<s>')),
    'tokenizer.ggml.eos_token_id': uint32(idOf('<|im_end|>')),
    'tokenizer.ggml.eot_token_id': uint32(idOf('<|im_end|>')),
    'tokenizer.ggml.padding_token_id': uint32(idOf('</s>')),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
    'tokenizer.ggml.add_eos_token': { type: 'bool', value: false },
    'tokenizer.ggml.add_space_prefix': { type: 'bool', value: false },
    'tokenizer.chat_template': string(chatTemplate),
  };
}

function uint32(value: number): GgufValue {
  return { type: 'uint32', value };
}

function string(value: string): GgufValue {
  return { type: 'string', value };
}
