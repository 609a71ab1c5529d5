import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeTinyModel, type TinyModelOptions } from '../../src/models/tinyModel.js';
import type { LlamaEngine } from '../../src/worker/engine/engine.js';
import { startLlamaRuntime } from '../../src/worker/engine/llamaRuntime.js';

export interface TinyEngine {
  readonly engine: LlamaEngine;
  readonly modelPath: string;
  close(): Promise<void>;
}

/** The generated test model, loaded by the real llama.cpp. */
export async function startTinyEngine(
  options: { slots?: number; contextTokens?: number; model?: TinyModelOptions } = {},
): Promise<TinyEngine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-tiny-'));
  const modelPath = path.join(folder, 'tiny.gguf');
  await writeTinyModel(modelPath, options.model);
  const runtime = await startLlamaRuntime({ threads: 1, gpu: 'off', onLog: () => undefined });
  const engine = await runtime.loadEngine({
    modelId: 'tiny',
    modelPath,
    slots: options.slots ?? 4,
    contextTokens: options.contextTokens ?? 1024,
    threads: 1,
    gpuLayers: undefined,
  });
  return {
    engine,
    modelPath,
    close: async () => {
      await engine.dispose();
      await runtime.dispose();
      await rm(folder, { recursive: true });
    },
  };
}
