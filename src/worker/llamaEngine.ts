import { createHash } from 'node:crypto';
import { getLlama, getModuleVersion, LlamaLogLevel } from 'node-llama-cpp';
import type { Llama, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import type { Sampling } from '../protocol/generation.js';

/** The only importer of node-llama-cpp: everything else of the worker sees these interfaces. */

export interface LlamaRuntimeOptions {
  /** CPU threads of all models of this process together; one too many is a hundredfold slowdown. */
  readonly threads: number;
  readonly gpu: 'auto' | 'off';
  readonly onLog: (level: 'error' | 'warn' | 'info', message: string) => void;
}

export interface EngineOptions {
  readonly modelId: string;
  readonly modelPath: string;
  /** Sequences that decode in one batch. */
  readonly slots: number;
  /** Context of each slot. */
  readonly contextTokens: number;
  readonly threads: number;
  /** Undefined: as many as fit. */
  readonly gpuLayers: number | undefined;
  /** From 0 to 1 while the file is read. */
  readonly onProgress?: (fraction: number) => void;
}

/** One sequence of the context with its own KV cache; it is driven by the scheduler alone, one call at a time. */
export interface EngineSlot {
  /** The sequence id: a batch is fastest when ids ascend without gaps. */
  readonly index: number;
  /** Tokens whose keys and values are in the cache now. */
  cachedTokens(): readonly number[];
  /** Drops every cached token behind the first `count`. */
  truncate(count: number): Promise<void>;
  /** Puts tokens behind the cached ones without sampling. */
  prefill(tokens: readonly number[]): Promise<void>;
  /** Puts tokens behind the cached ones and samples, one token a `next()`, until an end-of-generation token. */
  generate(tokens: readonly number[], sampling: Sampling): AsyncGenerator<number, void, undefined>;
}

export interface LlamaEngine {
  readonly modelId: string;
  readonly contextTokens: number;
  readonly loadSeconds: number;
  /** Weights and KV cache, RAM and VRAM together. */
  readonly memoryBytes: number;
  /** Changes when the same request may give another output. */
  readonly fingerprint: string;
  /** The model's own Jinja chat template, if it has one. */
  readonly chatTemplate: string | undefined;
  readonly bosToken: { readonly id: number; readonly text: string; readonly prepend: boolean } | undefined;
  readonly eosTokenText: string;
  readonly slots: readonly EngineSlot[];
  /** `special`: whether text such as `<|im_end|>` becomes the control token (templates) or plain text (users). */
  tokenize(text: string, options: { special: boolean }): number[];
  /** Whether a token is one that only a template may write: ends of turns, beginnings of texts. */
  isControlToken(token: number): boolean;
  /** Text of `tokens` as it reads behind `preceding`; an incomplete code point is U+FFFD. Control tokens: ''. */
  detokenize(tokens: readonly number[], preceding: readonly number[]): string;
  dispose(): Promise<void>;
}

export interface LlamaRuntime {
  loadEngine(options: EngineOptions): Promise<LlamaEngine>;
  dispose(): Promise<void>;
}

/**
 * Starts llama.cpp with a prebuilt binary; nothing is compiled or downloaded.
 *
 * @throws where no binary fits this machine.
 */
export async function startLlamaRuntime(options: LlamaRuntimeOptions): Promise<LlamaRuntime> {
  const llama = await getLlama({
    gpu: options.gpu === 'off' ? false : 'auto',
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: options.threads,
    logLevel: LlamaLogLevel.warn,
    logger: (level, message) => {
      options.onLog(
        level === LlamaLogLevel.error || level === LlamaLogLevel.fatal ? 'error' : 'warn',
        message.trim(),
      );
    },
  });
  return {
    loadEngine: (engineOptions) => loadEngine(llama, engineOptions),
    dispose: () => llama.dispose(),
  };
}

async function loadEngine(llama: Llama, options: EngineOptions): Promise<LlamaEngine> {
  const startedAt = performance.now();
  const model = await llama.loadModel({
    modelPath: options.modelPath,
    ...(options.gpuLayers === undefined ? {} : { gpuLayers: options.gpuLayers }),
    ...(options.onProgress ? { onLoadProgress: options.onProgress } : {}),
  });
  const context = await model.createContext({
    sequences: options.slots,
    contextSize: options.contextTokens,
    threads: options.threads,
  });
  const slots = Array.from({ length: options.slots }, (_, index) => createSlot(index, context.getSequence()));
  const loadSeconds = (performance.now() - startedAt) / 1000;
  const bos = model.tokens.bos;

  return {
    modelId: options.modelId,
    contextTokens: context.contextSize,
    loadSeconds,
    memoryBytes: total(model.memoryUsage) + total(context.memoryUsage),
    fingerprint: await fingerprintOf(model),
    chatTemplate: model.fileInfo.metadata.tokenizer?.chat_template,
    bosToken:
      bos === null
        ? undefined
        : { id: bos, text: model.tokens.bosString ?? '', prepend: model.tokens.shouldPrependBosToken },
    eosTokenText: model.tokens.eosString ?? '',
    slots,
    tokenize: (text, { special }) => model.tokenize(text, special),
    isControlToken: (token) => model.isSpecialToken(token as Token),
    detokenize: (tokens, preceding) => model.detokenize(tokens as Token[], false, preceding as Token[]),
    dispose: async () => {
      await context.dispose();
      await model.dispose();
    },
  };
}

function createSlot(index: number, sequence: LlamaContextSequence): EngineSlot {
  return {
    index,
    cachedTokens: () => sequence.contextTokens,
    truncate: async (count) => {
      if (count < sequence.nextTokenIndex) {
        await sequence.eraseContextTokenRanges([{ start: count, end: sequence.nextTokenIndex }]);
      }
    },
    prefill: (tokens) => sequence.evaluateWithoutGeneratingNewTokens(tokens as Token[]),
    // Every sampling option is passed: the library's own defaults (top-k 40, top-p 0.95) are not OpenAI's.
    generate: (tokens, sampling) =>
      sequence.evaluate(tokens as Token[], {
        temperature: sampling.temperature,
        topP: sampling.topP,
        topK: 0,
        minP: 0,
        seed: sampling.seed,
      }),
  };
}

function total(memory: { ram: number; vram: number }): number {
  return memory.ram + memory.vram;
}

async function fingerprintOf(model: LlamaModel): Promise<string> {
  const { metadata, tensorInfo } = model.fileInfo;
  const facts = [
    await getModuleVersion(),
    model.filename,
    model.size,
    tensorInfo?.length,
    metadata.general.name,
  ];
  return `fp_${createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 10)}`;
}
