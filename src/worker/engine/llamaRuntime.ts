import { createHash } from 'node:crypto';
import { getLlama, getModuleVersion, LlamaLogLevel } from 'node-llama-cpp';
import type { Llama } from 'node-llama-cpp';
import { readAvailableMemory } from './availableMemory.js';
import type { LlamaEngine } from './engine.js';
import { createLlamaEngine } from './llamaEngine.js';
import { createPoolingContext } from './llamaInternals.js';
import { readModelFile } from './llamaModelFile.js';
import { digestModelFile } from './modelDigest.js';
import { createLlamaPoolingEngine } from './llamaPoolingEngine.js';
import { requireMemory } from './memoryNeed.js';
import { describeWrongKind } from '../modelKind.js';
import { createMutex } from './mutex.js';
import type { PoolingEngine } from './poolingEngine.js';

export interface LlamaRuntimeOptions {
  /** CPU threads of all models of this process together; one too many is a hundredfold slowdown. */
  readonly threads: number;
  readonly gpu: 'auto' | 'off';
  readonly onLog: (level: 'error' | 'warn' | 'info', message: string) => void;
  /** Bytes that a model may take; asks the system by default. */
  readonly readAvailableMemory?: () => Promise<number>;
}

export interface LoadOptions {
  readonly modelId: string;
  readonly modelPath: string;
  /** Sequences that decode in one batch; models that embed or rank read one text at a time. */
  readonly slots: number;
  /** Context of each slot; an encoder's ends where its positions do. */
  readonly contextTokens: number;
  readonly threads: number;
  /** Undefined: as many as fit. */
  readonly gpuLayers: number | undefined;
  /** From 0 to 1 while the file is read. */
  readonly onProgress?: (fraction: number) => void;
}

export type LoadedModel =
  | { readonly kind: 'generation'; readonly engine: LlamaEngine }
  | { readonly kind: PoolingEngine['kind']; readonly engine: PoolingEngine };

/** llama.cpp in this process. */
export interface LlamaRuntime {
  /** @throws NotEnoughMemoryError before anything is allocated. */
  loadModel(options: LoadOptions): Promise<LoadedModel>;
  /** The same for a model that generates. */
  loadEngine(options: LoadOptions): Promise<LlamaEngine>;
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
  const deps: LoadDeps = {
    llama,
    exclusively: createMutex(),
    readAvailableMemory: options.readAvailableMemory ?? readAvailableMemory,
    mappedBytes: 0,
  };
  return {
    loadModel: (loadOptions) => loadModel(deps, loadOptions),
    loadEngine: async (loadOptions) => {
      const { kind, engine } = await loadModel(deps, loadOptions);
      if (kind === 'generation') return engine;
      throw new Error(describeWrongKind(loadOptions.modelId, kind, 'generation'));
    },
    dispose: () => llama.dispose(),
  };
}

/**
 * Weights with which a block of a prompt takes a thread about half a second, which is as long as the others should wait.
 * Not measured: workers of one kind must come to the same, however busy their machine is when they start.
 */
const largestBlockBytesPerThread = 200_000_000;

interface LoadDeps {
  readonly llama: Llama;
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  readonly readAvailableMemory: () => Promise<number>;
  /** Weights of the loaded models: mapped from files, which the system counts as memory that it could have back. */
  mappedBytes: number;
}

async function loadModel(deps: LoadDeps, options: LoadOptions): Promise<LoadedModel> {
  const { llama, exclusively } = deps;
  const startedAt = performance.now();
  const { kind, trainContextTokens, estimateMemory } = await readModelFile(llama, options.modelPath);
  const contextTokens =
    kind === 'generation'
      ? options.contextTokens
      : Math.min(options.contextTokens, trainContextTokens ?? Infinity);
  const need = await estimateMemory({ ...options, contextTokens });
  const availableBytes = Math.max(0, (await deps.readAvailableMemory()) - deps.mappedBytes);
  if (need) requireMemory(options.modelId, need, availableBytes);

  const model = await llama.loadModel({
    modelPath: options.modelPath,
    ...(options.gpuLayers === undefined ? {} : { gpuLayers: options.gpuLayers }),
    ...(options.onProgress ? { onLoadProgress: options.onProgress } : {}),
  });
  const weightsBytes = need?.weightsBytes ?? 0;
  deps.mappedBytes += weightsBytes;
  model.onDispose.createListener(() => {
    deps.mappedBytes -= weightsBytes;
  });
  const { threads } = options;
  const context =
    kind === 'generation'
      ? await model.createContext({
          sequences: options.slots,
          contextSize: contextTokens,
          threads,
          // A window cache could not be cut back to a common prefix.
          swaFullCache: true,
        })
      : await createPoolingContext(model, { contextTokens, threads, ranking: kind === 'ranking' });
  const fingerprint = await fingerprintOf(options.modelPath);
  const parts = { llama, model, context, threads, exclusively };
  const facts = {
    modelId: options.modelId,
    loadSeconds: (performance.now() - startedAt) / 1000,
    memoryBytes: total(model.memoryUsage) + total(context.memoryUsage),
    sizeBytes: model.size,
    layers: { gpu: model.gpuLayers, cpu: Math.max(0, model.fileInsights.totalLayers - model.gpuLayers) },
    fingerprint,
  };
  if (kind !== 'generation')
    return { kind, engine: createLlamaPoolingEngine({ ...parts, facts: { ...facts, kind, contextTokens } }) };
  const stateFormat = `${fingerprint}-${context.contextSize}-${context.totalSequences}`;
  const usesBlocks = model.gpuLayers > 0 || model.size <= threads * largestBlockBytesPerThread;
  return {
    kind,
    engine: createLlamaEngine({ ...parts, facts: { ...facts, stateFormat, usesBlocks } }),
  };
}

function total(memory: { ram: number; vram: number }): number {
  return memory.ram + memory.vram;
}

/** Of what the output depends on: the model's content and the version that runs it. */
async function fingerprintOf(modelPath: string): Promise<string> {
  const facts = [await getModuleVersion(), await digestModelFile(modelPath)];
  return `fp_${createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 10)}`;
}
