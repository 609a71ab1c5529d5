import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LlamaEngine } from '../../../src/worker/engine/engine.js';
import { openPrefixStore, type PrefixStore } from '../../../src/worker/scheduler/prefixStore.js';
import { generate, toTextRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';
import { toScheduler } from '../../support/tinyScheduler.js';

/** Counts the tokens that are really evaluated. */
function countEvaluated(engine: LlamaEngine): { engine: LlamaEngine; evaluated: () => number } {
  let count = 0;
  const step: LlamaEngine['step'] = (entries) => {
    for (const { tokens } of entries) count += tokens.length;
    return engine.step(entries);
  };
  return { engine: { ...engine, step }, evaluated: () => count };
}

const letters = (letter: string, length: number) => letter.repeat(length);
const namespaced = (cacheNamespace: string) => ({
  principal: { keyId: 'k', weight: 1, priority: 0, cacheNamespace },
});

describe('a prefix', () => {
  let tiny: TinyEngine;
  let folder: string;
  let store: PrefixStore;
  beforeEach(async () => {
    tiny = await startTinyEngine({ slots: 2, contextTokens: 1024, model: { endless: true } });
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'ai-cluster-prefix-')), 'states');
    store = await openPrefixStore({ folder, maxBytes: 50_000_000 });
  });
  afterEach(async () => {
    await tiny.close();
    await store.close();
    await rm(path.dirname(folder), { recursive: true });
  });

  it('that another request is still evaluating is waited for and copied, not evaluated again', async () => {
    const { engine, evaluated } = countEvaluated(tiny.engine);
    const scheduler = toScheduler(engine);
    const request = toTextRequest(`${letters('x', 600)}.`, { maxTokens: 4 });
    const [first, second] = await Promise.all([generate(scheduler, request), generate(scheduler, request)]);
    expect(second.tokens).toEqual(first.tokens);
    expect(first.done?.usage.cachedTokens).toBe(0);
    expect(second.done?.usage.cachedTokens).toBe((second.accepted.promptTokens ?? 0) - 1);
    expect(evaluated()).toBeLessThan((first.accepted.promptTokens ?? 0) + 20);
  });

  it('of a request that is cancelled while another waits for it is taken over', async () => {
    const scheduler = toScheduler(tiny.engine, { budget: { besideDecodersTokens: 32, aloneTokens: 64 } });
    const abort = new AbortController();
    const request = toTextRequest(`${letters('y', 700)}.`, { maxTokens: 4 });
    const cancelled = generate(scheduler, request, abort.signal);
    const waiting = generate(scheduler, request);
    abort.abort();
    expect((await cancelled).done).toBeUndefined();
    expect((await waiting).done?.finishReason).toBe('length');
  });

  it('that lost its slot comes back from the disk', async () => {
    const { engine, evaluated } = countEvaluated(tiny.engine);
    const scheduler = toScheduler(engine, { store });
    const request = toTextRequest(`${letters('x', 500)}.`, { maxTokens: 4 });
    const before = await generate(scheduler, request);
    for (const letter of ['a', 'b', 'c'])
      await generate(scheduler, toTextRequest(letters(letter, 500), { maxTokens: 2 }));
    expect(await readdir(folder)).not.toHaveLength(0);

    const evaluatedBefore = evaluated();
    const after = await generate(scheduler, request);
    expect(after.tokens).toEqual(before.tokens);
    expect(after.done?.usage.cachedTokens).toBe(after.accepted.promptTokens - 1);
    expect(evaluated() - evaluatedBefore).toBeLessThan(10);
  });

  it('of one namespace is never found from another, in slots or on disk', async () => {
    const scheduler = toScheduler(tiny.engine, { store });
    const request = toTextRequest(`${letters('x', 500)}.`, { maxTokens: 2, ...namespaced('ann') });
    await generate(scheduler, request);
    const other = await generate(scheduler, { ...request, ...namespaced('bob') });
    expect(other.done?.usage.cachedTokens).toBe(0);
    for (const letter of ['a', 'b', 'c'])
      await generate(scheduler, toTextRequest(letters(letter, 500), { maxTokens: 2 }));
    const again = await generate(scheduler, { ...request, ...namespaced('eve') });
    expect(again.done?.usage.cachedTokens).toBe(0);
    const own = await generate(scheduler, { ...request, ...namespaced('bob') });
    expect(own.done?.usage.cachedTokens).toBeGreaterThan(400);
  });

  it('whose file is broken is evaluated again', async () => {
    const scheduler = toScheduler(tiny.engine, { store });
    const request = toTextRequest(`${letters('x', 500)}.`, { maxTokens: 4 });
    const before = await generate(scheduler, request);
    for (const letter of ['a', 'b', 'c'])
      await generate(scheduler, toTextRequest(letters(letter, 500), { maxTokens: 2 }));
    for (const file of await readdir(folder)) await writeFile(path.join(folder, file), 'broken');
    const after = await generate(scheduler, request);
    expect(after.tokens).toEqual(before.tokens);
    expect(after.done?.usage.cachedTokens).toBe(0);
  });

  it('lies in a folder for its owner alone, which is gone when the worker stops', async () => {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await store.close();
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });
});

describe('the prefix store', () => {
  const key = { stateFormat: 'model-1', cacheNamespace: 'ann' };
  let folder: string;
  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), 'ai-cluster-store-')), 'states');
  });
  afterEach(() => rm(path.dirname(folder), { recursive: true }));

  const write = (bytes: number) => (file: string) => writeFile(file, Buffer.alloc(bytes));
  const tokens = (first: number) => [first, 2, 3, 4, 5];

  it('forgets the least recently used states where there is no room', async () => {
    const store = await openPrefixStore({ folder, maxBytes: 250 });
    await store.save(key, tokens(1), write(100));
    await store.save(key, tokens(2), write(100));
    expect(store.find(key, tokens(1))?.tokens).toBe(4);
    await store.save(key, tokens(3), write(100));
    expect(store.find(key, tokens(1))?.tokens).toBe(4);
    expect(store.find(key, tokens(2))).toBeUndefined();
    expect(store.find(key, tokens(3))?.tokens).toBe(4);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it.each([
    ['model, context or library', { ...key, stateFormat: 'model-2' }],
    ['namespace', { ...key, cacheNamespace: 'bob' }],
  ])('finds no state of another %s', async (_what, other) => {
    const store = await openPrefixStore({ folder, maxBytes: 250 });
    await store.save(key, tokens(1), write(10));
    expect(store.find(other, tokens(1))).toBeUndefined();
  });

  it('loses a state that cannot be written, and nothing else', async () => {
    const store = await openPrefixStore({ folder, maxBytes: 250 });
    await store.save(key, tokens(1), () => Promise.reject(new Error('the disk is full')));
    expect(store.find(key, tokens(1))).toBeUndefined();
  });

  it('writes the same tokens once', async () => {
    const store = await openPrefixStore({ folder, maxBytes: 250 });
    let writes = 0;
    const count = async (file: string) => {
      writes++;
      await writeFile(file, 'x');
    };
    await store.save(key, tokens(1), count);
    await store.save(key, tokens(1), count);
    expect(writes).toBe(1);
  });

  it('begins empty, whatever an earlier process left', async () => {
    const first = await openPrefixStore({ folder, maxBytes: 250 });
    await first.save(key, tokens(1), write(10));
    await openPrefixStore({ folder, maxBytes: 250 });
    expect(await readdir(folder)).toEqual([]);
  });
});
