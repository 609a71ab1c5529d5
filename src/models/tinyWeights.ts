import type { GgufTensor } from './ggufWriter.js';
import { createRandom, createRandomMatrix, type ScaleOf } from './tinyRandom.js';
import type { TinyVocabulary } from './tinyVocabulary.js';

/** The sizes that every variant shares. */
export const tinyShape = {
  width: 64,
  heads: 4,
  keyValueHeads: 2,
  headWidth: 16,
  feedForwardWidth: 64,
} as const;

/** The residual stream: 32 dimensions for the level, 16 for what the token is, 16 for what was read before it. */
const isLevel = (dimension: number): boolean => dimension < 32;
const isToken = (dimension: number): boolean => dimension >= 32 && dimension < 48;
const isContext = (dimension: number): boolean => dimension >= 48;

/**
 * How strongly the weights speak. In logits the next level has about 180, the `closers` 40 to 110 and the context up
 * to ±25: a level always wins, at any sane temperature, and the context decides among its words.
 */
const strength = {
  level: 80,
  token: 20,
  queryOfLevel: 0.1,
  query: 0.5,
  key: 0.5,
  value: 1,
  attentionOutput: 1.5,
  feedForward: 0.7,
  levelLogit: 30,
  contextLogit: 2,
  neverLogit: -10,
} as const;

/**
 * Tokens that win where a grammar forbids the next word, the first that is allowed: an answer bound to a JSON grammar
 * closes its strings and objects and ends, and does not ramble until the token limit. Without a grammar they always
 * lose to the next level.
 */
const closers: readonly (readonly [text: string, logit: number])[] = [
  ['"', 18],
  ['}', 15],
  [']', 13],
  [',', 11],
  [':', 9],
  ['<|im_end|>', 7],
];

/**
 * The tensors of the tiny Llama. A token's embedding names its level (one hot) and itself (random); layers write to
 * the context alone. The output layer turns level `l` into the tokens of `l + 1`, and the context into a choice among
 * them. After the last level comes `<|im_end|>`; when `endless`, a space, and after it the first level again.
 *
 * Two heads that share their keys look at the prompt differently, and their outputs are subtracted: what any prompt
 * has in common cancels out, and what is left depends on every token and on the order.
 */
export function createTinyTensors(
  vocabulary: TinyVocabulary,
  options: { layers: number; seed: number; endless: boolean },
): GgufTensor[] {
  const { width, heads, keyValueHeads, headWidth, feedForwardWidth } = tinyShape;
  const queryWidth = heads * headWidth;
  const keyValueWidth = keyValueHeads * headWidth;
  const matrix = (name: string, inputs: number, outputs: number, scale: ScaleOf): GgufTensor => ({
    name,
    shape: [inputs, outputs],
    data: createRandomMatrix(createRandom(options.seed, name), { inputs, outputs, scale }),
  });
  const norm = (name: string): GgufTensor => ({
    name,
    shape: [width],
    data: new Float32Array(width).fill(1),
  });

  const tensors = [
    createEmbedding(vocabulary, options.seed),
    norm('output_norm.weight'),
    createOutput(vocabulary, options.seed, options.endless),
  ];
  for (let layer = 0; layer < options.layers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}.weight`;
    tensors.push(
      norm(name('attn_norm')),
      matrix(name('attn_q'), width, queryWidth, (input) =>
        isLevel(input) ? strength.queryOfLevel : strength.query,
      ),
      // Keys and values leave out the level: a whole prompt has the same one, which would drown what differs.
      matrix(name('attn_k'), width, keyValueWidth, (input) => (isLevel(input) ? 0 : strength.key)),
      matrix(name('attn_v'), width, keyValueWidth, (input) => (isLevel(input) ? 0 : strength.value)),
      subtractHeads(
        matrix(name('attn_output'), queryWidth, width, (_input, output) =>
          isContext(output) ? strength.attentionOutput : 0,
        ),
      ),
      norm(name('ffn_norm')),
      matrix(name('ffn_gate'), width, feedForwardWidth, () => strength.feedForward),
      matrix(name('ffn_up'), width, feedForwardWidth, (input) =>
        isContext(input) ? strength.feedForward : 0,
      ),
      matrix(name('ffn_down'), feedForwardWidth, width, (_input, output) =>
        isContext(output) ? strength.feedForward : 0,
      ),
    );
  }
  return tensors;
}

function createEmbedding({ tokens }: TinyVocabulary, seed: number): GgufTensor {
  const { width } = tinyShape;
  const name = 'token_embd.weight';
  const next = createRandom(seed, name);
  const data = new Float32Array(tokens.length * width);
  tokens.forEach((token, id) => {
    data[id * width + levelDimension(token.level)] = strength.level;
    for (let i = 0; i < width; i++)
      if (isToken(i)) data[id * width + i] = Math.fround(next() * strength.token);
  });
  return { name, shape: [width, tokens.length], data };
}

function createOutput(
  { tokens, levelCount, idOf }: TinyVocabulary,
  seed: number,
  endless: boolean,
): GgufTensor {
  const { width } = tinyShape;
  const name = 'output.weight';
  const next = createRandom(seed, name);
  const data = new Float32Array(tokens.length * width);
  const setAllLevels = (id: number, logit: number) => {
    for (let i = 0; i < width; i++) if (isLevel(i)) data[id * width + i] = logit;
  };
  tokens.forEach((_token, id) => {
    for (let i = 0; i < width; i++) {
      if (isContext(i)) data[id * width + i] = Math.fround(next() * strength.contextLogit);
    }
  });
  for (const text of ['<unk>', '<s>', '</s>', '<|im_start|>']) {
    setAllLevels(idOf(text), strength.neverLogit);
  }
  for (const [text, logit] of closers) setAllLevels(idOf(text), logit);
  tokens.forEach((token, id) => {
    if (token.level === 'start') return;
    const before = token.level === 0 ? 'start' : token.level - 1;
    data[id * width + levelDimension(before)] = strength.levelLogit;
  });
  data[idOf(endless ? '▁' : '<|im_end|>') * width + levelDimension(levelCount - 1)] = strength.levelLogit;
  return { name, shape: [width, tokens.length], data };
}

function levelDimension(level: number | 'start'): number {
  return level === 'start' ? 0 : level + 1;
}

/** Makes every second head's part of the output projection the negative of the head's before it. */
function subtractHeads(projection: GgufTensor): GgufTensor {
  const { headWidth } = tinyShape;
  const [inputs = 0] = projection.shape;
  const data = projection.data.map((weight, index) => {
    const head = Math.floor((index % inputs) / headWidth);
    return head % 2 === 0 ? weight : -(projection.data[index - headWidth] ?? 0);
  });
  return { ...projection, data };
}
