import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getLlama, type Llama, type LlamaContext, type LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyEncoder } from '../../../src/models/tinyEncoder.js';
import { writeTinyModel } from '../../../src/models/tinyModel.js';
import {
  createPoolingContext,
  internalsOf,
  type LlamaInternals,
} from '../../../src/worker/engine/llamaInternals.js';
import packageJson from '../../../package.json' with { type: 'json' };

/**
 * One test for each internal of node-llama-cpp that the worker uses. A new version of the package that changes one of
 * them fails here, by its name.
 */
describe('node-llama-cpp has the internal', () => {
  let folder: string;
  let llama: Llama;
  let model: LlamaModel;
  let context: LlamaContext;
  let internals: LlamaInternals;
  const one = Uint32Array.of(0);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-internals-'));
    const modelPath = path.join(folder, 'tiny.gguf');
    await writeTinyModel(modelPath);
    llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, maxThreads: 1 });
    model = await llama.loadModel({ modelPath });
    context = await model.createContext({ sequences: 3, contextSize: 256, threads: 1 });
    internals = internalsOf(llama, model, context);
  });
  afterAll(async () => {
    // Inside out, as the worker does: the library waits for ever for a context that nobody gives back.
    await context.dispose();
    await model.dispose();
    await llama.dispose();
    await rm(folder, { recursive: true });
  });

  const tokens = () => Uint32Array.from(model.tokenize('Hello you'));
  /** Puts the tokens into an emptied sequence and returns where the batch has the logits behind the last one. */
  async function decode(sequence: number, ids: Uint32Array = tokens()): Promise<number> {
    const { context } = internals;
    context.disposeSequence(sequence);
    context.initBatch(ids.length);
    const [logitIndex] = context.addToBatch(sequence, 0, ids, Uint32Array.of(ids.length - 1));
    await context.decodeBatch();
    return logitIndex ?? -1;
  }
  function createSampler(config: Record<string, unknown>) {
    const sampler = new internals.bindings.AddonSampler(internals.model);
    sampler.applyConfig({ temperature: 0, ...config });
    return sampler;
  }
  function createGrammar(gbnf: string): object {
    const grammar = new internals.bindings.AddonGrammar(gbnf, { addonExports: internals.bindings });
    return new internals.bindings.AddonGrammarEvaluationState(internals.model, grammar);
  }
  async function greedyBehind(sequence: number, ids?: Uint32Array): Promise<number> {
    return internals.context.sampleToken(await decode(sequence, ids), createSampler({}));
  }

  it('of exactly the version that is pinned', () => {
    expect(packageJson.dependencies['node-llama-cpp']).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('AddonContext.initBatch, addToBatch and decodeBatch: one batch of several sequences', async () => {
    const { context } = internals;
    const ids = tokens();
    const alone = [await greedyBehind(0), await greedyBehind(1, ids.slice(0, 1))];
    context.disposeSequence(0);
    context.disposeSequence(1);
    context.initBatch(ids.length + 1);
    const first = context.addToBatch(0, 0, ids, Uint32Array.of(ids.length - 1));
    const second = context.addToBatch(1, 0, ids.slice(0, 1), one);
    await context.decodeBatch();
    const both = [first[0], second[0]].map((index) => context.sampleToken(index ?? -1, createSampler({})));
    expect(await Promise.all(both)).toEqual(alone);
  });

  it('AddonContext.sampleToken with logits: the most likely ones, the chosen ones, and the sum', async () => {
    const { context } = internals;
    const logitIndex = await decode(0);
    const wanted = [[7], false, false, false, 3] as const;
    const [token, , , pairs, total] = await context.sampleToken(
      logitIndex,
      createSampler({}),
      false,
      false,
      wanted,
      true,
    );
    const logits = new Map(
      Array.from({ length: pairs.length / 2 }, (_, index) => [pairs[2 * index], pairs[2 * index + 1]]),
    );
    expect([...logits.keys()][0]).toBe(token);
    expect(logits.has(7)).toBe(true);
    expect(total).toBeGreaterThanOrEqual(1);
  });

  it('AddonContext.disposeSequence: empties a sequence', async () => {
    const first = await greedyBehind(0);
    expect(await greedyBehind(0)).toBe(first);
  });

  it('AddonContext.removeTokenCellsFromSequence: cuts the end of a sequence off', async () => {
    const { context } = internals;
    const ids = tokens();
    const expected = await greedyBehind(0);
    await decode(1, Uint32Array.of(...ids, 40, 41, 42));
    expect(context.removeTokenCellsFromSequence(1, ids.length - 1, ids.length + 3)).toBe(true);
    context.initBatch(1);
    const [logitIndex] = context.addToBatch(1, ids.length - 1, ids.slice(-1), one);
    await context.decodeBatch();
    expect(await context.sampleToken(logitIndex ?? -1, createSampler({}))).toBe(expected);
  });

  it('AddonContext.copySequenceStateFromOtherSequence: two sequences go on alike', async () => {
    const { context } = internals;
    const ids = tokens();
    const expected = await greedyBehind(0, Uint32Array.of(...ids, 40));
    await decode(0);
    context.disposeSequence(2);
    await context.copySequenceStateFromOtherSequence(2, 0);
    context.initBatch(1);
    const [logitIndex] = context.addToBatch(2, ids.length, Uint32Array.of(40), one);
    await context.decodeBatch();
    expect(await context.sampleToken(logitIndex ?? -1, createSampler({}))).toBe(expected);
  });

  it('AddonContext.saveSequenceStateToFile and loadSequenceStateFromFile: a state comes back', async () => {
    const { context } = internals;
    const ids = tokens();
    const file = path.join(folder, 'a.state');
    const expected = await greedyBehind(0, Uint32Array.of(...ids, 40));
    await decode(0);
    expect(await context.saveSequenceStateToFile(file, 0, ids)).toBeGreaterThan(0);
    context.disposeSequence(1);
    expect([...(await context.loadSequenceStateFromFile(file, 1, 256))]).toEqual([...ids]);
    context.initBatch(1);
    const [logitIndex] = context.addToBatch(1, ids.length, Uint32Array.of(40), one);
    await context.decodeBatch();
    expect(await context.sampleToken(logitIndex ?? -1, createSampler({}))).toBe(expected);
  });

  it('AddonContext.setThreads', () => {
    expect(() => internals.context.setThreads(1)).not.toThrow();
  });

  it('AddonSampler.applyConfig with biases on end tokens, which the public TokenBias drops', async () => {
    const logitIndex = await decode(0);
    const end = Number(model.tokens.eos);
    const sampler = createSampler({
      tokenBiasKeys: Uint32Array.of(end),
      tokenBiasValues: Float32Array.of(1000),
    });
    expect(await internals.context.sampleToken(logitIndex, sampler)).toBe(end);
  });

  it('AddonSampler.applyConfig with a seed for each token: the same number, whatever came before', async () => {
    const draw = async (seeds: readonly number[]) => {
      const sampler = createSampler({ temperature: 2, seed: 1 });
      let token = -1;
      for (const seed of seeds) {
        sampler.applyConfig({ temperature: 2, seed });
        token = await internals.context.sampleToken(await decode(0), sampler);
      }
      return token;
    };
    expect(await draw([1, 2, 3, 99])).toBe(await draw([99]));
  });

  it('AddonSampler.acceptGrammarEvaluationStateToken and canBeNextTokenForGrammarEvaluationState', () => {
    const { AddonSampler } = internals.bindings;
    const state = createGrammar('root ::= "ab"');
    const [a, b] = [model.tokenize('a')[0], model.tokenize('b')[0]].map(Number);
    expect(AddonSampler.canBeNextTokenForGrammarEvaluationState(state, a ?? -1)).toBe(true);
    expect(AddonSampler.canBeNextTokenForGrammarEvaluationState(state, b ?? -1)).toBe(false);
    AddonSampler.acceptGrammarEvaluationStateToken(state, a ?? -1);
    expect(AddonSampler.canBeNextTokenForGrammarEvaluationState(state, b ?? -1)).toBe(true);
  });

  it('AddonGrammarEvaluationState in a sampler: only what the grammar allows is sampled', async () => {
    const logitIndex = await decode(0);
    const sampler = createSampler({ grammarEvaluationState: createGrammar('root ::= "Q"') });
    expect(model.detokenize([(await internals.context.sampleToken(logitIndex, sampler)) as never])).toBe('Q');
  });

  it('AddonGrammar: a broken grammar is refused, not a crash', () => {
    expect(() => createGrammar('root ::= (')).toThrow();
  });

  it.each([
    ['embedding', 64],
    ['ranking', 1],
  ] as const)(
    'AddonContext.getEmbedding, in a context with _embeddings and _ranking: %s',
    async (kind, length) => {
      const modelPath = path.join(folder, `${kind}.gguf`);
      await writeTinyEncoder(modelPath, kind);
      const encoder = await llama.loadModel({ modelPath });
      const options = { contextTokens: 256, threads: 1, ranking: kind === 'ranking' };
      const pooling = await createPoolingContext(encoder, options);
      const { context } = internalsOf(llama, encoder, pooling);
      const ids = Uint32Array.from({ length: 256 }, (_, index) => 5 + (index % 100));
      context.disposeSequence(0);
      context.initBatch(ids.length);
      context.addToBatch(0, 0, ids, Uint32Array.from(ids.keys()));
      await context.decodeBatch();
      const vector = context.getEmbedding(ids.length, 0);
      expect(vector).toHaveLength(length);
      expect(vector.every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
      expect(context.getEmbedding(ids.length, 1)).toEqual(vector.slice(0, 1));
      await pooling.dispose();
      await encoder.dispose();
    },
  );

  it('AddonModel.getTokenString: the text of a token in the vocabulary', () => {
    expect(internals.model.getTokenString(Number(model.tokenize('a')[0]))).toBe('a');
  });
});
