import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCatalog } from '../../../src/models/catalog.js';
import { resolveModel } from '../../../src/models/resolveModel.js';
import { startLlamaRuntime, type LlamaRuntime } from '../../../src/worker/engine/llamaRuntime.js';

let folder: string;
let runtime: LlamaRuntime;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-encoders-'));
  runtime = await startLlamaRuntime({ threads: 1, gpu: 'off', onLog: () => undefined });
});

afterAll(async () => {
  await runtime.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe('the catalog', () => {
  it.each([
    ['tiny', 'generation'],
    ['tiny-embedding', 'embedding'],
    ['tiny-rerank', 'ranking'],
  ])('generates %s, which llama.cpp loads', async (name, kind) => {
    const resolved = await resolveModel(name, { modelsDir: folder, catalog: await loadCatalog() });
    expect(resolved).toMatchObject({ id: name, origin: 'generated' });
    const options = { slots: 1, contextTokens: 512, threads: 1, gpuLayers: undefined };
    const loaded = await runtime.loadModel({ modelId: name, modelPath: resolved.path, ...options });
    expect(loaded.kind).toBe(kind);
    await loaded.engine.dispose();
  });
});
