import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SampledLogprob } from '../../../src/protocol/generation.js';
import type { LlamaEngine, SavedCache } from '../../../src/worker/engine/engine.js';
import { greedy } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';

/** llama.cpp only notes a copy, and makes it when it decodes the next batch: what happens in between must not show. */
describe('a cache that was copied, but not used yet,', () => {
  let tiny: TinyEngine;
  let engine: LlamaEngine;
  let folder: string;
  let one: number[];
  let other: number[];
  let behindOne: SampledLogprob | undefined;
  let behindOther: SampledLogprob | undefined;
  let savedOther: SavedCache;

  beforeAll(async () => {
    tiny = await startTinyEngine({ slots: 4, contextTokens: 256, model: { endless: true } });
    engine = tiny.engine;
    folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-copies-'));
    one = engine.tokenize('The quick brown fox jumps over the lazy dog.', { special: false });
    other = engine.tokenize('Something else, and not at all the same.', { special: false });
    await evaluate(3, other);
    savedOther = await save(3, 'other.state');
    behindOther = await stepOn(3);
    await evaluate(3, one);
    behindOne = await stepOn(3);
    expect(behindOther).not.toEqual(behindOne);
  });
  afterAll(async () => {
    await tiny.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    // What is left in a slot of its last content must not be taken for a copy.
    for (const slot of [1, 2]) await evaluate(slot, other);
    await evaluate(0, one);
  });

  async function evaluate(slot: number, tokens: number[]): Promise<void> {
    engine.truncate(slot, 0);
    await engine.step([{ slot, tokens }]);
  }

  async function save(slot: number, name: string): Promise<SavedCache> {
    const file = path.join(folder, name);
    await engine.saveCache(slot, file);
    const wholeBlocks = [...engine.wholeBlocks(slot)];
    return { file, tokens: [...engine.cachedTokens(slot)], wholeBlocks, bytes: (await stat(file)).size };
  }

  /** The same token behind whatever the slot holds: the log probabilities tell what that is. */
  async function stepOn(slot: number): Promise<SampledLogprob | undefined> {
    const sampler = engine.createSampler({
      sampling: greedy,
      grammar: undefined,
      ignoreEos: false,
      topLogprobs: 5,
    });
    const [result] = await engine.step([{ slot, tokens: [7], sampler }]);
    sampler.dispose();
    return result?.kind === 'sampled' ? result.logprob : undefined;
  }

  it('is the one that was there when it was copied, though another was loaded in its place', async () => {
    await engine.copyCache(0, 1, one.length);
    await engine.loadCache(0, savedOther);
    expect(engine.cachedTokens(0)).toEqual(other);
    expect(await stepOn(1)).toEqual(behindOne);
  });

  it('does not overwrite one that is loaded where it was to go', async () => {
    await engine.copyCache(0, 1, one.length);
    await engine.loadCache(1, savedOther);
    expect(await stepOn(1)).toEqual(behindOther);
  });

  it('can be saved, and is what was copied', async () => {
    await engine.copyCache(0, 1, one.length);
    const saved = await save(1, 'copy.state');
    expect(engine.cachedTokens(1)).toEqual(one);
    await engine.loadCache(2, saved);
    expect(await stepOn(2)).toEqual(behindOne);
    expect(await stepOn(1)).toEqual(behindOne);
  });

  it('can be saved where it was copied from', async () => {
    await engine.copyCache(0, 1, one.length);
    const saved = await save(0, 'source.state');
    await engine.loadCache(2, saved);
    expect(await stepOn(2)).toEqual(behindOne);
  });

  it('goes on to a third slot', async () => {
    await engine.copyCache(0, 1, one.length);
    await engine.copyCache(1, 2, one.length);
    await engine.loadCache(1, savedOther);
    expect(await stepOn(2)).toEqual(behindOne);
    expect(await stepOn(1)).toEqual(behindOther);
  });

  it.skipIf(process.platform !== 'linux')('is not taken for saved where the disk is full', async () => {
    await evaluate(0, one.slice(0, 1));
    await expect(engine.saveCache(0, '/dev/full')).rejects.toThrow();
    await evaluate(0, one);
    await expect(engine.saveCache(0, '/dev/full')).rejects.toThrow();
  });

  it.each([0.1, 0.5, 0.9])('is empty where only %f of its file is there', async (share) => {
    const file = path.join(folder, 'cut.state');
    const whole = await readFile(savedOther.file);
    await writeFile(file, whole.subarray(0, share * whole.length));
    await expect(engine.loadCache(2, { ...savedOther, file })).rejects.toThrow('bytes instead of');
    expect(engine.cachedTokens(2)).toEqual([]);
    await evaluate(2, one);
    expect(await stepOn(2)).toEqual(behindOne);
  });
});
