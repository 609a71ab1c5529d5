import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVector } from '../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';
import { startLlamaRuntime, type LlamaRuntime } from '../../../src/worker/engine/llamaRuntime.js';
import { createPoolingService, type PoolingService } from '../../../src/worker/pooling/poolingService.js';

const model = 'all-minilm-l6-v2';
const file = path.resolve('models/all-MiniLM-L6-v2.F16.gguf');
const isRequired = process.env['CI'] === 'true';
const isSkipped = !existsSync(file) && !isRequired;

describe.skipIf(isSkipped)(
  `a real embedding model (skipped where ${path.basename(file)} is not in models/: make model MODEL=${model})`,
  () => {
    let runtime: LlamaRuntime;
    let pooling: PoolingService;
    let dispose: () => Promise<void>;
    beforeAll(async () => {
      runtime = await startLlamaRuntime({ threads: 1, gpu: 'off', onLog: () => undefined });
      const options = { slots: 1, contextTokens: 4096, threads: 1, gpuLayers: undefined };
      const loaded = await runtime.loadModel({ modelId: model, modelPath: file, ...options });
      if (loaded.kind === 'generation') throw new Error(`${model} embeds`);
      pooling = createPoolingService(loaded.engine, 1);
      dispose = loaded.engine.dispose;
    });
    afterAll(async () => {
      await dispose();
      await runtime.dispose();
    });

    async function embed(...inputs: string[]): Promise<number[][]> {
      const request = { model, principal: anonymousPrincipal, inputs, dimensions: null };
      return (await pooling.embed(request, new AbortController().signal)).embeddings.map(decodeVector);
    }

    const dot = (a: readonly number[] = [], b: readonly number[] = []) =>
      a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

    it('says what it is', () => {
      expect(pooling.report()).toMatchObject({ id: model, kind: 'embedding', contextTokens: 512 });
    });

    it('knows which sentences mean the same', async () => {
      const [cat, kitten, stocks] = await embed(
        'a cat sits on the mat',
        'a kitten rests on a rug',
        'stock prices fell',
      );
      expect(cat).toHaveLength(384);
      expect(dot(cat, kitten)).toBeGreaterThan(0.5);
      expect(dot(cat, stocks)).toBeLessThan(0.2);
    });

    // As PyTorch computes them in 32 bits; public since they stand in the tests of other bindings to this model.
    it.each([
      ['This is an example sentence', [0.06765693, 0.06349593, 0.04871314, 0.07930495, 0.03744806]],
      ['Café déjà vu — 東京', [0.05083271, 0.00967685, 0.09635572, -0.00997369, -0.01987603]],
      ['', [-0.11883835, 0.04829856, -0.00254805, -0.01101118, 0.0519507]],
    ])('gives the numbers that sentence-transformers gives: "%s"', async (text, expected) => {
      const [vector = []] = await embed(text);
      expected.forEach((value, index) => expect(vector[index]).toBeCloseTo(value, 3));
    });
  },
);
