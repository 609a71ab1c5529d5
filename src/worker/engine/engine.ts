import type { SampledLogprob, TokenLogprob } from '../../protocol/generation.js';
import type { Sampling } from '../../protocol/generateRequest.js';
import type { SpecialText } from '../chat/controlTexts.js';

/** A loaded model as the rest of the worker sees it; `llamaEngine.ts` implements it with llama.cpp. */

export interface SamplerOptions {
  readonly sampling: Sampling;
  /** GBNF; the sampled text follows it from its first token on. */
  readonly grammar: string | undefined;
  /** End tokens are never sampled. */
  readonly ignoreEos: boolean;
  /** Report log probabilities: of the sampled token and of so many of the most likely ones. */
  readonly topLogprobs: number | null;
}

/**
 * Chooses tokens for one request and remembers what it chose. The random number behind a token depends on the seed
 * and on the token's place alone, so that neither the rest of a batch nor a resumed stream changes it.
 */
export interface EngineSampler {
  /**
   * Takes a token that was sampled elsewhere into the history.
   *
   * @throws where the grammar does not allow it.
   */
  accept(token: number): void;
  dispose(): void;
}

export interface StepEntry {
  /** Sequence id; the entries of a step ascend, because llama.cpp merges neighbouring sequences only. */
  readonly slot: number;
  /** Put behind what the slot's cache holds. */
  readonly tokens: readonly number[];
  /** Samples the token behind the last one; without it the tokens are only put into the cache. */
  readonly sampler?: EngineSampler;
  /** For each of `tokens`: what follows it, to be rated, and how many of the most likely tokens to name. */
  readonly rate?: { readonly targets: readonly number[]; readonly top: number };
}

export type StepResult =
  | { readonly kind: 'cached'; readonly ratings: readonly SampledLogprob[] }
  | {
      readonly kind: 'sampled';
      readonly token: number;
      /** The token ends the generation; it is no text. */
      readonly isEnd: boolean;
      readonly logprob: SampledLogprob | undefined;
      readonly ratings: readonly SampledLogprob[];
      /** What choosing the token cost, grammar included. */
      readonly sampleMs: number;
    }
  | { readonly kind: 'failed'; readonly error: Error };

/** The cache of a slot in a file. */
export interface SavedCache {
  readonly file: string;
  readonly tokens: readonly number[];
  readonly wholeBlocks: readonly number[];
  readonly bytes: number;
}

/** Sequences of tokens with their keys and values, and the batches that extend them. Driven by one scheduler. */
export interface LlamaEngine {
  readonly modelId: string;
  readonly contextTokens: number;
  readonly slotCount: number;
  /** Most tokens of all entries of a step together. */
  readonly batchTokens: number;
  /** Whether prompts go in whole blocks; the same for all engines of a model on the same kind of machine. */
  readonly usesBlocks: boolean;
  readonly loadSeconds: number;
  /** Weights and KV cache, RAM and VRAM together. */
  readonly memoryBytes: number;
  /** Of the file. */
  readonly sizeBytes: number;
  /** Where its layers are computed. */
  readonly layers: { readonly gpu: number; readonly cpu: number };
  /** Changes when the same request may give another output. */
  readonly fingerprint: string;
  /** Changes when a saved state of a slot cannot be loaded any more: model, context, library. */
  readonly stateFormat: string;
  /** The model's own Jinja chat template, if it has one. */
  readonly chatTemplate: string | undefined;
  readonly bosToken: { readonly id: number; readonly text: string; readonly prepend: boolean } | undefined;
  readonly eosTokenText: string;
  readonly vocabularySize: number;
  /** Tokens that stand for more than their text. */
  readonly specialTexts: readonly SpecialText[];

  /** One batch. A failure of the whole batch empties the caches of its slots. */
  step(entries: readonly StepEntry[]): Promise<readonly StepResult[]>;
  /** @throws where the grammar cannot be parsed. */
  createSampler(options: SamplerOptions): EngineSampler;

  /** Tokens whose keys and values are in the slot's cache now. */
  cachedTokens(slot: number): readonly number[];
  /** Which blocks of them were evaluated whole, by number. */
  wholeBlocks(slot: number): ReadonlySet<number>;
  /** Keeps the first `count` cached tokens at most, and no part of a whole block; some models cannot drop a part. */
  truncate(slot: number, count: number): void;
  /** Makes the cache of `to` a copy of the first `count` tokens in that of `from`. */
  copyCache(from: number, to: number, count: number): Promise<void>;
  /**
   * Writes the slot's cache to a file.
   *
   * @throws where the file is not whole, because the disk is full for example.
   */
  saveCache(slot: number, file: string): Promise<void>;
  /**
   * Reads a file back into a slot of the same {@link stateFormat}.
   *
   * @throws where it does not hold exactly these tokens; the slot is empty then.
   */
  loadCache(slot: number, saved: SavedCache): Promise<void>;

  /** `special`: whether text such as `<|im_end|>` becomes the control token (templates) or plain text (users). */
  tokenize(text: string, options: { special: boolean }): number[];
  /** Whether a token is one that only a template may write: ends of turns, beginnings of texts. */
  isControlToken(token: number): boolean;
  /**
   * Text of `tokens` as it reads behind `preceding`; an incomplete code point is U+FFFD. Control tokens are '' unless
   * `special`.
   */
  detokenize(tokens: readonly number[], preceding: readonly number[], options?: { special: boolean }): string;
  tokenBytes(token: number): TokenLogprob['bytes'];
  dispose(): Promise<void>;
}

/** Puts the begin token in front, where the model's prompts have one and it is not there already. */
export function withBeginToken({ bosToken }: Pick<LlamaEngine, 'bosToken'>, tokens: number[]): number[] {
  return bosToken?.prepend && tokens[0] !== bosToken.id ? [bosToken.id, ...tokens] : tokens;
}
