import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe } from 'vitest';
import type { LlamaEngine } from '../../src/worker/engine/engine.js';
import { startLlamaRuntime } from '../../src/worker/engine/llamaRuntime.js';

const modelPath = path.resolve('models/SmolLM2-135M-Instruct.Q4_1.gguf');
const isThere = existsSync(modelPath);
if (!isThere && process.env.CI) throw new Error(`${modelPath} is missing: run make model first`);

/** Tests that need the default model; without it they are skipped by name, except in CI. */
export const describeWithModel = describe.skipIf(!isThere);

/** How often each sample is drawn: once in a plain run, more with `SAMPLES=20`. */
export const samples = Number(process.env.SAMPLES ?? 1);

export interface RealEngine {
  readonly engine: LlamaEngine;
  close(): Promise<void>;
}

/** The default model, loaded by the real llama.cpp. */
export async function startRealEngine(
  options: { slots?: number; contextTokens?: number; threads?: number } = {},
): Promise<RealEngine> {
  const threads = options.threads ?? Number(process.env.THREADS ?? 1);
  const runtime = await startLlamaRuntime({ threads, gpu: 'off', onLog: () => undefined });
  const engine = await runtime.loadEngine({
    modelId: 'smollm2-135m-instruct',
    modelPath,
    slots: options.slots ?? 8,
    contextTokens: options.contextTokens ?? 1024,
    threads,
    gpuLayers: undefined,
  });
  return {
    engine,
    close: async () => {
      await engine.dispose();
      await runtime.dispose();
    },
  };
}
