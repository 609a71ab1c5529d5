import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyEncoder } from '../../../src/models/tinyEncoder.js';
import { writeTinyModel } from '../../../src/models/tinyModel.js';
import { startLlamaRuntime, type LlamaRuntime } from '../../../src/worker/engine/llamaRuntime.js';

const options = { slots: 4, contextTokens: 4096, threads: 1, gpuLayers: undefined };
let folder: string;
let runtime: LlamaRuntime;
let availableBytes = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-memory-'));
  await writeTinyModel(path.join(folder, 'chat.gguf'));
  await writeTinyEncoder(path.join(folder, 'embedding.gguf'), 'embedding');
  runtime = await startLlamaRuntime({
    threads: 1,
    gpu: 'off',
    onLog: () => undefined,
    readAvailableMemory: () => Promise.resolve(availableBytes),
  });
});
afterAll(async () => {
  await runtime.dispose();
  await rm(folder, { recursive: true });
});

const load = (name: string, changes: Partial<typeof options> = {}) =>
  runtime.loadModel({
    ...options,
    ...changes,
    modelId: name,
    modelPath: path.join(folder, `${name}.gguf`),
  });

describe('a model that does not fit', () => {
  it.each([
    ['chat', 'context of 4 slots × 4096 tokens', 'use fewer --slots or a smaller --context'],
    ['embedding', 'context of 512 tokens', 'use a smaller --context'],
  ])('is refused with its figures: %s', async (name, context, advice) => {
    availableBytes = 1_000_000;
    const figures = new RegExp(
      `^model ${name} needs about \\d+ MB \\(weights 1 MB, ${context} \\d+ MB\\) but 1 MB are available; ${advice}$`,
    );
    await expect(load(name)).rejects.toThrow(figures);
  });

  it('fits with fewer slots and a smaller context', async () => {
    availableBytes = 6_000_000;
    await expect(load('chat')).rejects.toThrow('needs about');
    const { engine } = await load('chat', { slots: 1, contextTokens: 512 });
    await engine.dispose();
  });
});

describe('the weights of a loaded model', () => {
  it('are not available to the next one, until the model is disposed of', async () => {
    availableBytes = 100_000_000;
    const first = await load('chat');
    availableBytes = first.engine.memoryBytes + 500_000;
    await expect(load('chat')).rejects.toThrow('needs about');
    await first.engine.dispose();
    await (await load('chat')).engine.dispose();
  });
});

describe('the estimate', () => {
  it.each(['chat', 'embedding'])('is what llama.cpp takes: %s', async (name) => {
    availableBytes = 100_000_000;
    const { engine } = await load(name);
    await engine.dispose();
    // An encoder's first long input takes some more, for logits that nobody reads.
    const outputBytes = name === 'embedding' ? engine.vocabularySize * 512 * 4 : 0;
    availableBytes = engine.memoryBytes + outputBytes;
    await (await load(name)).engine.dispose();
    availableBytes = (engine.memoryBytes + outputBytes) * 0.98;
    await expect(load(name)).rejects.toThrow('needs about');
  });
});
