import type { GgufTensor } from './ggufWriter.js';
import { encoderTokens, type TinyEncoderToken } from './tinyEncoderVocabulary.js';
import type { TinyEncoderKind } from './tinyEncoder.js';
import { createRandom, createRandomMatrix } from './tinyRandom.js';

/** The sizes of both encoders; one head as wide as the model compares whole tokens. */
export const tinyEncoderShape = { width: 64, layers: 2, feedForwardWidth: 64, tokenTypes: 2 } as const;

const { width, feedForwardWidth, tokenTypes } = tinyEncoderShape;

/** The residual stream: what the token is, then single numbers, then where it stands and what surrounds it. */
const identityWidth = 48;
const dimension = { isClassify: 48, loneliness: 49, meanLoneliness: 50, place: 52 } as const;

const strength = {
  classify: 4,
  /** Makes a token look as much at `[CLS]` as at itself. */
  lookAtClassify: 16.4,
  loneliness: 4,
  meanLoneliness: 2,
  place: 0.3,
  feedForward: 0.2,
  /** From the mean loneliness to the score: documents that share no word get less than 0.1, the query itself more than 0.9. */
  score: -9,
  scoreBias: 22.5,
} as const;

/**
 * The tensors of the tiny BERTs. A token is 48 random signs, as many of each, so that all are equally long and hardly
 * alike. In the first layer each token looks at its twins, itself among them, and at `[CLS]`: what is left of `[CLS]`
 * tells how alone it is. The second layer averages that, and the ranking's classifier scores it. Embeddings are the
 * mean of all tokens, in which shared words show; places and feed-forward layers make them depend on the order a bit.
 */
export function createTinyEncoderTensors(
  vocabulary: readonly TinyEncoderToken[],
  kind: TinyEncoderKind,
  contextTokens: number,
): GgufTensor[] {
  const tensors = [
    createTokens(vocabulary),
    createRandomTensor('position_embd.weight', width, contextTokens, (input) =>
      input >= dimension.place ? strength.place : 0,
    ),
    matrix('token_types.weight', tokenTypes, []),
    ...norm('token_embd_norm'),
    ...createLayer(0, {
      query: identity(),
      queryBias: [dimension.isClassify, strength.lookAtClassify],
      key: [...identity(), [dimension.isClassify, dimension.isClassify, 1]],
      value: [[dimension.isClassify, dimension.loneliness, strength.loneliness / strength.classify]],
    }),
    ...createLayer(1, {
      query: [],
      key: [],
      value:
        kind === 'ranking' ? [[dimension.loneliness, dimension.meanLoneliness, strength.meanLoneliness]] : [],
    }),
  ];
  if (kind === 'embedding') return tensors;
  return [
    ...tensors,
    matrix('cls.output.weight', 1, [[dimension.meanLoneliness, 0, strength.score]]),
    { name: 'cls.output.bias', shape: [1], data: Float32Array.of(strength.scoreBias) },
  ];
}

type Weight = readonly [input: number, output: number, weight: number];

interface AttentionWeights {
  readonly query: readonly Weight[];
  readonly queryBias?: readonly [output: number, weight: number];
  readonly key: readonly Weight[];
  readonly value: readonly Weight[];
}

function createLayer(layer: number, attention: AttentionWeights): GgufTensor[] {
  const name = (part: string) => `blk.${layer}.${part}`;
  const queryBias = new Float32Array(width);
  if (attention.queryBias) queryBias[attention.queryBias[0]] = attention.queryBias[1];
  const passOn = Array.from({ length: width }, (_, index): Weight => [index, index, 1]);
  return [
    matrix(name('attn_q.weight'), width, attention.query),
    { name: name('attn_q.bias'), shape: [width], data: queryBias },
    matrix(name('attn_k.weight'), width, attention.key),
    matrix(name('attn_v.weight'), width, attention.value),
    matrix(name('attn_output.weight'), width, passOn),
    ...norm(name('attn_output_norm')),
    createRandomTensor(name('ffn_up.weight'), width, feedForwardWidth, () => strength.feedForward),
    createRandomTensor(name('ffn_down.weight'), feedForwardWidth, width, (_input, output) =>
      output >= dimension.place ? strength.feedForward : 0,
    ),
    ...norm(name('layer_output_norm')),
  ];
}

function createTokens(vocabulary: readonly TinyEncoderToken[]): GgufTensor {
  const name = 'token_embd.weight';
  const next = createRandom(1, name);
  const data = new Float32Array(vocabulary.length * width);
  vocabulary.forEach((_token, id) => {
    // As many +1 as -1: those with the smaller half of some random numbers.
    const order = Array.from({ length: identityWidth }, (_, index) => ({ index, rank: next() }));
    order.sort((a, b) => a.rank - b.rank || a.index - b.index);
    order.forEach(({ index }, place) => {
      data[id * width + index] = place < identityWidth / 2 ? -1 : 1;
    });
  });
  data[encoderTokens.classify * width + dimension.isClassify] = strength.classify;
  return { name, shape: [width, vocabulary.length], data };
}

function identity(): Weight[] {
  return Array.from({ length: identityWidth }, (_, index): Weight => [index, index, 1]);
}

/** From `width` inputs to `outputs`, zero but for `weights`. */
function matrix(name: string, outputs: number, weights: readonly Weight[]): GgufTensor {
  const data = new Float32Array(width * outputs);
  for (const [input, output, weight] of weights) data[output * width + input] = weight;
  return { name, shape: [width, outputs], data };
}

function createRandomTensor(
  name: string,
  inputs: number,
  outputs: number,
  scale: (input: number, output: number) => number,
): GgufTensor {
  const data = createRandomMatrix(createRandom(1, name), { inputs, outputs, scale });
  return { name, shape: [inputs, outputs], data };
}

function norm(name: string): GgufTensor[] {
  return [
    { name: `${name}.weight`, shape: [width], data: new Float32Array(width).fill(1) },
    { name: `${name}.bias`, shape: [width], data: new Float32Array(width) },
  ];
}
