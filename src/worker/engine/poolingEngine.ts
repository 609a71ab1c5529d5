import type { LlamaEngine } from './engine.js';

/** Text to tokens and back; every kind of model has one. */
export type ModelTokenizer = Pick<LlamaEngine, 'tokenize' | 'detokenize' | 'tokenBytes' | 'vocabularySize'>;

/** A loaded model that reads whole texts, one at a time; `llamaPoolingEngine.ts` implements it with llama.cpp. */
export interface PoolingEngine extends ModelTokenizer {
  readonly kind: 'embedding' | 'ranking';
  readonly modelId: string;
  /** Longest input, begin and end tokens included. */
  readonly contextTokens: number;
  /** Numbers of a vector. */
  readonly dimensions: number;
  readonly loadSeconds: number;
  /** Weights and buffers, RAM and VRAM together. */
  readonly memoryBytes: number;
  /** Of the file. */
  readonly sizeBytes: number;
  /** Where its layers are computed. */
  readonly layers: { readonly gpu: number; readonly cpu: number };
  /** Changes when the same input may give another output. */
  readonly fingerprint: string;

  /** Tokens of a text as the model wants to read it; special texts in it are plain text. */
  toInput(text: string): number[];
  /** Puts the begin and end tokens around those of a text. */
  bound(tokens: readonly number[]): number[];
  /** Tokens of a question and a possible answer to it. */
  toPair(query: string, document: string): number[];
  /** The vector of an input of 1 to {@link contextTokens} tokens, not scaled. */
  embed(tokens: readonly number[]): Promise<Float64Array>;
  /** How likely the document of a pair answers its query, from 0 to 1. */
  rank(tokens: readonly number[]): Promise<number>;
  dispose(): Promise<void>;
}
