import { createHash } from 'node:crypto';
import { CachedSequence } from '../../src/worker/engine/cachedSequence.js';
import type { EngineSampler, LlamaEngine, StepEntry, StepResult } from '../../src/worker/engine/engine.js';

export interface FakeEngineOptions {
  readonly slots?: number;
  readonly contextTokens?: number;
  readonly usesBlocks?: boolean;
  /** Called before a step; what it throws fails the whole step, as a batch that cannot be decoded. */
  readonly onStep?: (entries: readonly StepEntry[]) => Promise<void> | void;
  /** Called while a cache is being copied. */
  readonly onCopy?: () => void;
  /** Whether sampling behind these tokens fails. */
  readonly failsAt?: (tokens: readonly number[]) => boolean;
}

export interface FakeEngine {
  readonly engine: LlamaEngine;
  /** Samplers that were made and not disposed of. */
  openSamplers(): number;
}

/** Everything below is a character, so that prompts are readable; this one ends a generation. */
export const endToken = 255;
const vocabularySize = 256;

/** The token that follows these ones: a digest of all of them, so that a wrong cache shows at once. */
export function tokenBehind(tokens: readonly number[]): number {
  const digest = createHash('sha256').update(Uint32Array.from(tokens)).digest();
  return digest[0] === 0 ? endToken : 33 + ((digest[1] ?? 0) % 90);
}

/** Lets everything else run that is ready to. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Slots with caches that are checked, and a model that any test can compute by itself. */
export function createFakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const { slots = 4, contextTokens = 256 } = options;
  const cached = Array.from({ length: slots }, () => new CachedSequence());
  const files = new Map<string, readonly number[]>();
  const sequenceIn = (slot: number): CachedSequence => {
    const sequence = cached[slot];
    if (!sequence) throw new Error(`there is no slot ${slot}`);
    return sequence;
  };
  const samplers = new Set<EngineSampler>();
  const cacheOf = (slot: number): readonly number[] => sequenceIn(slot).tokens;

  async function step(entries: readonly StepEntry[]): Promise<readonly StepResult[]> {
    const indexes = entries.map(({ slot }) => slot);
    if (entries.some(({ tokens }) => tokens.length === 0)) throw new Error('an entry has no tokens');
    if (indexes.some((slot, place) => place > 0 && slot <= (indexes[place - 1] ?? 0)))
      throw new Error(`slots do not ascend: ${indexes.join()}`);
    try {
      await options.onStep?.(entries);
      await turn();
    } catch (error) {
      for (const slot of indexes) sequenceIn(slot).truncate(0);
      return entries.map(() => ({ kind: 'failed', error: error as Error }));
    }
    return entries.map(({ slot, tokens, sampler }): StepResult => {
      sequenceIn(slot).append(tokens);
      if (cacheOf(slot).length > contextTokens) throw new Error(`slot ${slot} holds more than its context`);
      if (!sampler) return { kind: 'cached', ratings: [] };
      if (!samplers.has(sampler)) throw new Error('a disposed sampler was used');
      if (options.failsAt?.(cacheOf(slot))) return { kind: 'failed', error: new Error('sampling failed') };
      const token = tokenBehind(cacheOf(slot));
      const isEnd = token === endToken;
      return { kind: 'sampled', token, isEnd, logprob: undefined, ratings: [], sampleMs: 0 };
    });
  }

  const engine: LlamaEngine = {
    modelId: 'fake',
    contextTokens,
    slotCount: slots,
    batchTokens: 512,
    usesBlocks: options.usesBlocks ?? true,
    loadSeconds: 0,
    memoryBytes: 0,
    sizeBytes: 0,
    layers: { gpu: 0, cpu: 1 },
    fingerprint: 'fp_fake',
    stateFormat: 'fake',
    chatTemplate: '{% for message in messages %}{{ message.content }}{% endfor %}',
    bosToken: undefined,
    eosTokenText: '',
    vocabularySize,
    specialTexts: [],
    step,
    createSampler: () => {
      const sampler: EngineSampler = {
        accept: () => undefined,
        dispose: () => {
          if (!samplers.delete(sampler)) throw new Error('a sampler was disposed of twice');
        },
      };
      samplers.add(sampler);
      return sampler;
    },
    cachedTokens: cacheOf,
    wholeBlocks: (slot) => sequenceIn(slot).wholeBlocks,
    truncate: (slot, count) => {
      const sequence = sequenceIn(slot);
      sequence.truncate(sequence.toKeepable(count));
    },
    copyCache: async (from, to, count) => {
      options.onCopy?.();
      await turn();
      sequenceIn(to).replaceWith(sequenceIn(from));
      engine.truncate(to, count);
    },
    saveCache: async (slot, file) => {
      await turn();
      files.set(file, [...cacheOf(slot)]);
    },
    loadCache: async (slot, { file, tokens, wholeBlocks }) => {
      await turn();
      const state = files.get(file);
      if (state?.join() !== tokens.join()) throw new Error(`no such state: ${file}`);
      sequenceIn(slot).replaceWith({ tokens, wholeBlocks });
    },
    tokenize: (text) => Array.from(text, (char) => char.charCodeAt(0) % 128),
    isControlToken: (token) => token === endToken,
    detokenize: (tokens) => String.fromCharCode(...tokens),
    tokenBytes: (token) => Buffer.from([token]).toString('base64'),
    dispose: () => Promise.resolve(),
  };
  return { engine, openSamplers: () => samplers.size };
}
