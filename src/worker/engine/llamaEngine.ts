import { stat } from 'node:fs/promises';
import { LlamaVocabularyType } from 'node-llama-cpp';
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import type { SampledLogprob } from '../../protocol/generation.js';
import { CachedSequence } from './cachedSequence.js';
import type { LlamaEngine, StepEntry, StepResult } from './engine.js';
import { internalsOf } from './llamaInternals.js';
import { findSpecialTokens, listSpecialTexts } from './llamaVocabulary.js';
import { createLlamaSampler, createTokenRater, type LlamaSampler } from './llamaSampler.js';
import { toTokenBytes } from './tokenBytes.js';

export interface LlamaEngineParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly threads: number;
  readonly facts: Pick<
    LlamaEngine,
    | 'modelId'
    | 'loadSeconds'
    | 'memoryBytes'
    | 'sizeBytes'
    | 'layers'
    | 'fingerprint'
    | 'stateFormat'
    | 'usesBlocks'
  >;
  /** Runs `work` while no other model of this process computes: more threads than cores stop all of them. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A model's sequences in llama.cpp. The context belongs to the engine alone: its public sequences are not used. */
export function createLlamaEngine(parts: LlamaEngineParts): LlamaEngine {
  const { model, context, exclusively } = parts;
  const internals = internalsOf(parts.llama, model, context);
  const addon = internals.context;
  const { bos } = model.tokens;
  const spelling = model.vocabularyType === LlamaVocabularyType.bpe ? 'byte-level' : 'sentence-piece';
  const vocabularySize = model.fileInfo.metadata.tokenizer?.ggml.tokens.length ?? 0;
  const cached = Array.from({ length: context.totalSequences }, () => new CachedSequence());
  const endTokens = findSpecialTokens(model).filter((token) => model.isEogToken(token));
  let isDisposed = false;
  /** Copies that llama.cpp has noted, by target; it makes them when it decodes the next batch, whatever is in it. */
  const pendingCopies = new Map<number, { readonly from: number }>();
  addon.setThreads(parts.threads);

  function sequenceIn(slot: number): CachedSequence {
    const sequence = cached[slot];
    if (!sequence) throw new Error(`there is no slot ${slot}`);
    return sequence;
  }
  const cacheOf = (slot: number): readonly number[] => sequenceIn(slot).tokens;
  const tokenBytes = (token: number): string =>
    toTokenBytes(internals.model.getTokenString(token), spelling).toString('base64');
  const samplerDeps = { internals, contextTokens: context.contextSize, endTokens, tokenBytes };

  function clear(slot: number): void {
    addon.disposeSequence(slot);
    sequenceIn(slot).truncate(0);
  }

  function truncate(slot: number, count: number): void {
    const sequence = sequenceIn(slot);
    const { length } = sequence.tokens;
    const kept = sequence.toKeepable(count);
    if (kept === length) return;
    if (kept > 0 && addon.removeTokenCellsFromSequence(slot, kept, length)) sequence.truncate(kept);
    else clear(slot);
  }

  /**
   * One batch for all sequences with the same number of tokens, the decoders first. llama.cpp cuts a batch of different
   * lengths into micro-batches of as many tokens of each sequence, so that the way a token is computed would depend on
   * the others, and reads the short caches in it as if they were as long as the longest.
   */
  async function step(entries: readonly StepEntry[]): Promise<readonly StepResult[]> {
    const lengths = [...new Set(entries.map(({ tokens }) => tokens.length))].sort((a, b) => a - b);
    const results = new Map<StepEntry, StepResult>();
    for (const length of lengths) {
      const batch = entries.filter(({ tokens }) => tokens.length === length);
      const outcome = await decode(batch);
      batch.forEach((entry, index) => results.set(entry, outcome[index] ?? failed('the step left it out')));
    }
    return entries.map((entry) => results.get(entry) ?? failed('the step left it out'));
  }

  /** Has llama.cpp make the copies it has noted, with a batch of one token in this slot that is cut off again. */
  async function makePendingCopies(slot: number): Promise<void> {
    const { length } = cacheOf(slot);
    addon.initBatch(1);
    addon.addToBatch(slot, length, Uint32Array.of(0), Uint32Array.of());
    await addon.decodeBatch();
    pendingCopies.clear();
    sequenceIn(slot).append([0]);
    truncate(slot, length);
  }

  async function decode(entries: readonly StepEntry[]): Promise<readonly StepResult[]> {
    if (isDisposed) return entries.map(() => failed('the model was unloaded'));
    try {
      const logitIndexes = addBatch(entries);
      await addon.decodeBatch();
      pendingCopies.clear();
      for (const { slot, tokens } of entries) sequenceIn(slot).append(tokens);
      return await readResults(entries, logitIndexes);
    } catch (error) {
      // What the caches hold after a failed batch is unknown.
      for (const { slot } of entries) clear(slot);
      return entries.map(() => failed(error));
    }
  }

  /** Returns where in the batch each entry has logits: behind every token to rate, or behind its last one. */
  function addBatch(entries: readonly StepEntry[]): Uint32Array[] {
    addon.initBatch(entries.reduce((sum, { tokens }) => sum + tokens.length, 0));
    return entries.map(({ slot, tokens, sampler, rate }) => {
      const wanted = rate ? [...tokens.keys()] : sampler ? [tokens.length - 1] : [];
      return addon.addToBatch(slot, cacheOf(slot).length, Uint32Array.from(tokens), Uint32Array.from(wanted));
    });
  }

  /** A grammar can take long for a token; those that follow one wait for the others, and for each other. */
  async function readResults(
    entries: readonly StepEntry[],
    logitIndexes: readonly Uint32Array[],
  ): Promise<StepResult[]> {
    const results = entries.map((entry, index) =>
      isConstrained(entry) ? Promise.resolve(undefined) : readResult(entry, logitIndexes[index]),
    );
    const settled: (StepResult | undefined)[] = await Promise.all(results);
    for (const [index, entry] of entries.entries())
      settled[index] ??= await readResult(entry, logitIndexes[index]);
    return settled.filter((result) => result !== undefined);
  }

  async function readResult(entry: StepEntry, logitIndexes: Uint32Array | undefined): Promise<StepResult> {
    // Samplers come from createSampler alone.
    const sampler = entry.sampler as LlamaSampler | undefined;
    try {
      const ratings = await rateAll(entry, logitIndexes);
      if (!sampler) return { kind: 'cached', ratings };
      const logitIndex = logitIndexes?.at(-1) ?? 0;
      const startedAt = performance.now();
      const token = await sampler.sample(logitIndex);
      const sampleMs = isConstrained(entry) ? performance.now() - startedAt : 0;
      const logprob = await sampler.rate(logitIndex, token);
      return { kind: 'sampled', token, isEnd: model.isEogToken(token as Token), logprob, ratings, sampleMs };
    } catch (error) {
      return failed(error);
    }
  }

  async function rateAll(
    { rate }: StepEntry,
    logitIndexes: Uint32Array | undefined,
  ): Promise<SampledLogprob[]> {
    if (!rate) return [];
    const rater = createTokenRater(samplerDeps);
    const ratings: SampledLogprob[] = [];
    try {
      for (const [index, target] of rate.targets.entries())
        ratings.push(await rater.rate(logitIndexes?.[index] ?? 0, target, rate.top));
      return ratings;
    } finally {
      rater.dispose();
    }
  }

  return {
    ...parts.facts,
    contextTokens: context.contextSize,
    slotCount: context.totalSequences,
    batchTokens: context.batchSize,
    chatTemplate: model.fileInfo.metadata.tokenizer?.chat_template,
    bosToken:
      bos === null
        ? undefined
        : { id: bos, text: model.tokens.bosString ?? '', prepend: model.tokens.shouldPrependBosToken },
    eosTokenText: model.tokens.eosString ?? '',
    vocabularySize,
    specialTexts: listSpecialTexts(model),
    step: (entries) => exclusively(() => step(entries)),
    createSampler: (options) => createLlamaSampler(samplerDeps, options),
    cachedTokens: cacheOf,
    wholeBlocks: (slot) => sequenceIn(slot).wholeBlocks,
    truncate,
    copyCache: (from, to, count) =>
      exclusively(async () => {
        clear(to);
        await addon.copySequenceStateFromOtherSequence(to, from);
        pendingCopies.set(to, { from });
        sequenceIn(to).replaceWith(sequenceIn(from));
        truncate(to, count);
      }),
    saveCache: (slot, file) =>
      exclusively(async () => {
        if (pendingCopies.has(slot)) await makePendingCopies(slot);
        const bytes = await addon.saveSequenceStateToFile(file, slot, Uint32Array.from(cacheOf(slot)));
        // The last bytes are written when the file is closed, where llama.cpp does not look.
        await requireSize(file, bytes);
      }),
    loadCache: (slot, { file, tokens, wholeBlocks, bytes }) =>
      exclusively(async () => {
        clear(slot);
        const isSource = [...pendingCopies.values()].some(({ from }) => from === slot);
        if (isSource || pendingCopies.has(slot)) await makePendingCopies(slot);
        // llama.cpp ends the process where a file is shorter than it says.
        await requireSize(file, bytes);
        const loaded = await addon.loadSequenceStateFromFile(file, slot, context.contextSize);
        if (loaded.length !== tokens.length || tokens.some((token, index) => loaded[index] !== token)) {
          clear(slot);
          throw new Error('the saved state holds other tokens than expected');
        }
        sequenceIn(slot).replaceWith({ tokens, wholeBlocks });
      }),
    tokenize: (text, { special }) => model.tokenize(text, special),
    isControlToken: (token) => model.isSpecialToken(token as Token),
    detokenize: (tokens, preceding, options) =>
      model.detokenize(tokens as Token[], options?.special ?? false, preceding as Token[]),
    tokenBytes,
    // A context that is freed while it computes takes the process with it.
    dispose: () =>
      exclusively(async () => {
        isDisposed = true;
        await context.dispose();
        await model.dispose();
      }),
  };
}

async function requireSize(file: string, bytes: number): Promise<void> {
  const { size } = await stat(file);
  if (size !== bytes) throw new Error(`${file} has ${size} bytes instead of ${bytes}`);
}

function isConstrained({ sampler }: StepEntry): boolean {
  return (sampler as LlamaSampler | undefined)?.isConstrained ?? false;
}

function failed(error: unknown): StepResult {
  return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
}
