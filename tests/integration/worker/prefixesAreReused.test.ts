import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryFileLock } from '../../../src/models/fileLock.js';
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

/** Of all stores that were opened there. */
async function listStates(parentFolder: string): Promise<string[]> {
  const files = await readdir(parentFolder, { recursive: true });
  return files.filter((file) => file.endsWith('.state')).map((file) => path.join(parentFolder, file));
}

describe('a prefix', () => {
  let tiny: TinyEngine;
  let parentFolder: string;
  let store: PrefixStore;
  beforeEach(async () => {
    tiny = await startTinyEngine({ slots: 2, contextTokens: 1024, model: { endless: true } });
    parentFolder = path.join(await mkdtemp(path.join(tmpdir(), 'ai-cluster-prefix-')), 'worker_1');
    store = await openPrefixStore({ parentFolder, maxBytes: 50_000_000 });
  });
  afterEach(async () => {
    await tiny.close();
    await store.close();
    await rm(path.dirname(parentFolder), { recursive: true });
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
    const { engine, evaluated } = countEvaluated(tiny.engine);
    const abort = new AbortController();
    let steps = 0;
    const step: LlamaEngine['step'] = (entries) => {
      if (++steps === 3) abort.abort();
      return engine.step(entries);
    };
    const budget = { besideDecodersTokens: 64, aloneTokens: 64 };
    const scheduler = toScheduler({ ...engine, step }, { budget });
    const request = toTextRequest(`${letters('y', 700)}.`, { maxTokens: 4 });
    const cancelled = generate(scheduler, request, abort.signal);
    const waiting = generate(scheduler, request);
    expect((await cancelled).done).toBeUndefined();
    const { done, accepted } = await waiting;
    expect(done?.finishReason).toBe('length');
    // The third step goes to its end; with waiting for it and taking it over, nothing is evaluated twice.
    expect(done?.usage.cachedTokens).toBe(3 * 64);
    expect(evaluated()).toBe(accepted.promptTokens + 3);
  });

  it('that lost its slot comes back from the disk', async () => {
    const { engine, evaluated } = countEvaluated(tiny.engine);
    const scheduler = toScheduler(engine, { store });
    const request = toTextRequest(`${letters('x', 500)}.`, { maxTokens: 4 });
    const before = await generate(scheduler, request);
    for (const letter of ['a', 'b', 'c'])
      await generate(scheduler, toTextRequest(letters(letter, 500), { maxTokens: 2 }));
    expect(await listStates(parentFolder)).not.toHaveLength(0);

    const evaluatedBefore = evaluated();
    const after = await generate(scheduler, request);
    expect(after.tokens).toEqual(before.tokens);
    expect(after.done?.usage.cachedTokens).toBe(after.accepted.promptTokens - 1);
    expect(evaluated() - evaluatedBefore).toBeLessThan(10);
  });

  it('that another slot still has is not written to the disk', async () => {
    const scheduler = toScheduler(tiny.engine, { store });
    const shared = letters('x', 500);
    const ask = (prompt: string) => generate(scheduler, toTextRequest(prompt, { maxTokens: 2 }));
    await Promise.all([ask(`${shared} one`), ask(`${shared} two`)]);
    await ask(letters('a', 500));
    expect(await listStates(parentFolder)).toHaveLength(0);
    await ask(letters('b', 500));
    expect(await listStates(parentFolder)).toHaveLength(1);
    expect((await ask(`${shared} three`)).done?.usage.cachedTokens).toBeGreaterThan(400);
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
    for (const file of await listStates(parentFolder)) await writeFile(file, 'broken');
    const after = await generate(scheduler, request);
    expect(after.tokens).toEqual(before.tokens);
    expect(after.done?.usage.cachedTokens).toBe(0);
  });
});

describe('the prefix store', () => {
  const key = { stateFormat: 'model-1', cacheNamespace: 'ann' };
  let parentFolder: string;
  beforeEach(async () => {
    parentFolder = path.join(await mkdtemp(path.join(tmpdir(), 'ai-cluster-store-')), 'worker_1');
  });
  afterEach(() => rm(path.dirname(parentFolder), { recursive: true }));

  const write = (bytes: number) => (file: string) => writeFile(file, Buffer.alloc(bytes));
  const tokens = (first: number) => [first, 2, 3, 4, 5];
  const sequence = (first: number) => ({ tokens: tokens(first), wholeBlocks: [] });

  it('forgets the least recently used states where there is no room', async () => {
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    await store.save(key, sequence(1), [], write(100));
    await store.save(key, sequence(2), [], write(100));
    expect(store.find(key, tokens(1))?.tokens).toBe(4);
    await store.save(key, sequence(3), [], write(100));
    expect(store.find(key, tokens(1))?.tokens).toBe(4);
    expect(store.find(key, tokens(2))).toBeUndefined();
    expect(store.find(key, tokens(3))?.tokens).toBe(4);
    expect(await listStates(parentFolder)).toHaveLength(2);
  });

  it.each([
    ['model, context or library', { ...key, stateFormat: 'model-2' }],
    ['namespace', { ...key, cacheNamespace: 'bob' }],
  ])('finds no state of another %s', async (_what, other) => {
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    await store.save(key, sequence(1), [], write(10));
    expect(store.find(other, tokens(1))).toBeUndefined();
  });

  it('loses a state that cannot be written, and nothing else', async () => {
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    await store.save(key, sequence(1), [], () => Promise.reject(new Error('the disk is full')));
    expect(store.find(key, tokens(1))).toBeUndefined();
  });

  it('writes the same tokens once', async () => {
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    let writes = 0;
    const count = async (file: string) => {
      writes++;
      await writeFile(file, 'x');
    };
    await store.save(key, sequence(1), [], count);
    await store.save(key, sequence(1), [], count);
    expect(writes).toBe(1);
  });

  it('has a folder for its owner alone, which is gone when it is closed', async () => {
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    await store.save(key, sequence(1), [], write(10));
    const [folder = ''] = (await listStates(parentFolder)).map((file) => path.dirname(file));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await store.close();
    expect(await readdir(parentFolder)).toEqual([]);
  });

  it('leaves the states of another one alone that is open', async () => {
    const first = await openPrefixStore({ parentFolder, maxBytes: 250 });
    await first.save(key, sequence(1), [], write(10));
    const second = await openPrefixStore({ parentFolder, maxBytes: 250 });
    expect(second.find(key, tokens(1))).toBeUndefined();
    await second.close();
    expect(await listStates(parentFolder)).toEqual([first.find(key, tokens(1))?.saved.file]);
  });

  /** The folder and the lock of a store whose process was killed. */
  async function leaveFolder(changes: { pid?: number; machine?: string; touchedAt?: Date }): Promise<void> {
    const folder = path.join(parentFolder, 'earlier');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'a.state'), 'x');
    const own = await tryFileLock(`${folder}.lock`);
    const lock = JSON.parse(await readFile(`${folder}.lock`, 'utf8')) as object;
    if (own.kind === 'held') await own.release();
    await writeFile(`${folder}.lock`, JSON.stringify({ ...lock, ...changes }));
    const { touchedAt = new Date() } = changes;
    await utimes(`${folder}.lock`, touchedAt, touchedAt);
  }

  it.each([
    ['a process that died', { pid: spawnSync(process.execPath, ['--version']).pid }],
    ['a machine that is gone', { machine: 'elsewhere', touchedAt: new Date(Date.now() - 120_000) }],
  ])('removes what was left by %s', async (_who, changes) => {
    await leaveFolder(changes);
    const store = await openPrefixStore({ parentFolder, maxBytes: 250 });
    expect(await listStates(parentFolder)).toEqual([]);
    await store.close();
    expect(await readdir(parentFolder)).toEqual([]);
  });

  it('removes nothing of another machine that is at work', async () => {
    await leaveFolder({ machine: 'elsewhere' });
    await openPrefixStore({ parentFolder, maxBytes: 250 });
    expect(await listStates(parentFolder)).toHaveLength(1);
  });
});
