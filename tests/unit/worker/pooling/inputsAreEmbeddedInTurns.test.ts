import { describe, expect, it } from 'vitest';
import { decodeVector } from '../../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../../src/protocol/generateRequest.js';
import type { PoolingEngine } from '../../../../src/worker/engine/poolingEngine.js';
import { createPoolingService } from '../../../../src/worker/pooling/poolingService.js';
import { RefusedError } from '../../../../src/worker/refusedError.js';

/** An engine whose computations end by hand; a text is as many tokens as it has letters. */
function createEngine(changes: Partial<PoolingEngine> = {}) {
  const waiting: (() => void)[] = [];
  const computed: string[] = [];
  const engine: PoolingEngine = {
    kind: 'embedding',
    modelId: 'm',
    contextTokens: 10,
    dimensions: 2,
    loadSeconds: 1,
    memoryBytes: 1,
    sizeBytes: 1,
    layers: { gpu: 0, cpu: 1 },
    fingerprint: 'fp',
    vocabularySize: 1000,
    toInput: (text) => Array.from(text, (character) => character.charCodeAt(0)),
    bound: (tokens) => [...tokens],
    toPair: (query, document) => Array.from(query + document, (character) => character.charCodeAt(0)),
    embed: async (tokens) => {
      computed.push(String.fromCharCode(...tokens));
      await new Promise<void>((resolve) => waiting.push(resolve));
      return Float64Array.of(3, 4);
    },
    rank: () => Promise.resolve(0.5),
    tokenize: () => [],
    detokenize: () => '',
    tokenBytes: () => '',
    dispose: () => Promise.resolve(),
    ...changes,
  };
  const next = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    waiting.shift()?.();
  };
  return { engine, computed, next };
}

const toRequest = (...inputs: (string | number[])[]) => ({
  model: 'm',
  principal: anonymousPrincipal,
  inputs,
  dimensions: null,
});
const never = new AbortController().signal;

describe('a request for embeddings', () => {
  it('is computed input by input, and is done when all are', async () => {
    const { engine, computed, next } = createEngine();
    const service = createPoolingService(engine, 2);
    const answer = service.embed(toRequest('a', 'bc'), never);
    await next();
    await expect.poll(() => computed).toEqual(['a', 'bc']);
    expect(service.report().slotsBusy).toBe(1);
    await next();
    const { embeddings, promptTokens } = await answer;
    const unit = [expect.closeTo(0.6), expect.closeTo(0.8)];
    expect(embeddings.map(decodeVector)).toEqual([unit, unit]);
    expect(promptTokens).toBe(3);
    await service.whenIdle();
    expect(service.report().slotsBusy).toBe(0);
  });

  it('ends before its next input when its client leaves', async () => {
    const { engine, computed, next } = createEngine();
    const service = createPoolingService(engine, 2);
    const abort = new AbortController();
    const answer = service.embed(toRequest('a', 'b', 'c'), abort.signal);
    answer.catch(() => undefined);
    await expect.poll(() => computed).toEqual(['a']);
    abort.abort(new Error('left'));
    await next();
    await expect(answer).rejects.toThrow('left');
    await service.whenIdle();
    expect(computed).toEqual(['a']);
  });

  it('computes nothing where one of its inputs does not fit', async () => {
    const { engine, computed } = createEngine();
    const service = createPoolingService(engine, 2);
    const refused = (...inputs: (string | number[])[]) => service.embed(toRequest(...inputs), never);
    await expect(refused('a', 'longer than ten')).rejects.toThrow('but input 1 has 15 tokens');
    await expect(refused('a', [5, 1000])).rejects.toThrow('Token 1000 does not exist');
    await expect(refused('a', '')).rejects.toThrow('Input 1 is empty.');
    await expect(refused('')).rejects.toThrow('The input is empty.');
    await expect(refused('a', 'b', [1000])).rejects.toMatchObject({ failure: { input: 2 } });
    expect(computed).toEqual([]);
    expect(service.report().slotsBusy).toBe(0);
  });

  it('is refused while as many as there are slots run', async () => {
    const { engine, next } = createEngine();
    const service = createPoolingService(engine, 1);
    const first = service.embed(toRequest('a'), never);
    await expect(service.embed(toRequest('b'), never)).rejects.toThrow(RefusedError);
    await next();
    await first;
    await service.whenIdle();
    const second = service.embed(toRequest('b'), never);
    await next();
    expect((await second).embeddings).toHaveLength(1);
  });

  it('fails where the model makes numbers that are none, and frees its slot', async () => {
    const { engine } = createEngine({ embed: () => Promise.resolve(Float64Array.of(NaN, 1)) });
    const service = createPoolingService(engine, 1);
    await expect(service.embed(toRequest('a'), never)).rejects.toThrow('numbers that are none');
    await service.whenIdle();
    expect(service.report().slotsBusy).toBe(0);
  });

  it('leaves a vector of zeros as it is', async () => {
    const { engine } = createEngine({ embed: () => Promise.resolve(new Float64Array(2)) });
    const answer = await createPoolingService(engine, 1).embed(toRequest('a'), never);
    expect(answer.embeddings.map(decodeVector)).toEqual([[0, 0]]);
  });
});
