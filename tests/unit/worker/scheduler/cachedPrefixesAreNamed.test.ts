import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toPrefixChain } from '../../../../src/controller/prefixChain.js';
import { maxReportedPrefixes, type HeldPrefix } from '../../../../src/protocol/prefix.js';
import type { LlamaEngine } from '../../../../src/worker/engine/engine.js';
import {
  collectMarks,
  marksWithin,
  toPrefixMarks,
  type PrefixMarks,
} from '../../../../src/worker/scheduler/prefixMarks.js';
import { openPrefixStore } from '../../../../src/worker/scheduler/prefixStore.js';
import { createSlotCaches } from '../../../../src/worker/scheduler/slotCaches.js';
import { createFakeEngine } from '../../../support/fakeEngine.js';
import { fold, generate, toTextRequest } from '../../../support/generate.js';
import { toScheduler } from '../../../support/tinyScheduler.js';

/** A prompt of so many of one letter, of which the fake engine makes a token each, as the controller sends it. */
function chained(letter: string, length: number, begin = '') {
  const request = toTextRequest(begin + letter.repeat(length - begin.length), { maxTokens: 2 });
  const prefixChain = toPrefixChain(request);
  return { ...request, prefixChain };
}

/** Names and ends of all whole blocks of the request's prompt. */
function blocksOf({ prefixChain }: ReturnType<typeof chained>): HeldPrefix[] {
  return prefixChain.hashes.map((hash, block) => [hash, (block + 1) * 256]);
}

async function openStore() {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-marks-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const store = await openPrefixStore({ parentFolder: path.join(folder, 'states'), maxBytes: 1_000 });
  // The fake engine keeps its states in memory: the store only has to find a file where it looks.
  const withFiles = (engine: LlamaEngine): LlamaEngine => ({
    ...engine,
    saveCache: async (slot, file) => {
      await engine.saveCache(slot, file);
      await writeFile(file, 'state');
    },
  });
  return { store, withFiles };
}

describe('the prefixes of a prompt', () => {
  it('are held with the tokens where they end when it has been read, and done says so', async () => {
    const { engine } = createFakeEngine({ slots: 2, contextTokens: 2048 });
    const scheduler = toScheduler(engine);
    expect(scheduler.heldPrefixes()).toEqual([]);
    const request = chained('a', 700);
    const { done } = await generate(scheduler, request);
    expect(blocksOf(request)).toHaveLength(2);
    expect(done?.cachedPrefix).toEqual(blocksOf(request));
    expect(scheduler.heldPrefixes()).toEqual(blocksOf(request));
  });

  it('are not named where the controller names none', async () => {
    const { engine } = createFakeEngine({ contextTokens: 2048 });
    const scheduler = toScheduler(engine);
    const { prefixChain: _none, ...request } = chained('a', 700);
    expect((await generate(scheduler, request)).done).not.toHaveProperty('cachedPrefix');
    expect(scheduler.heldPrefixes()).toEqual([]);
  });

  it('are held as far as it has been read', async () => {
    const held: number[] = [];
    const { engine } = createFakeEngine({
      contextTokens: 2048,
      onStep: () => void held.push(scheduler.heldPrefixes().length),
    });
    const scheduler = toScheduler(engine, { budget: { besideDecodersTokens: 64, aloneTokens: 128 } });
    await generate(scheduler, chained('a', 800));
    expect(held[0]).toBe(0);
    expect(held).toContain(1);
    expect(held.at(-1)).toBe(3);
  });

  it('are gone when another prompt has their slot, but for those that both have', async () => {
    const { engine } = createFakeEngine({ slots: 1, contextTokens: 2048 });
    const scheduler = toScheduler(engine);
    const first = chained('a', 1024);
    await generate(scheduler, first);
    const second = chained('b', 1024, 'a'.repeat(600));
    await generate(scheduler, second);
    expect(scheduler.heldPrefixes()).toEqual(blocksOf(second));
    expect(blocksOf(second).slice(0, 2)).toEqual(blocksOf(first).slice(0, 2));
  });

  it('stay where they were written to disk, behind those in slots', async () => {
    const { engine } = createFakeEngine({ slots: 1, contextTokens: 2048 });
    const { store, withFiles } = await openStore();
    const scheduler = toScheduler(withFiles(engine), { store });
    const [first, second] = [chained('a', 600), chained('b', 600)];
    await generate(scheduler, first);
    await generate(scheduler, second);
    expect(scheduler.heldPrefixes()).toEqual([...blocksOf(second), ...blocksOf(first)]);
  });

  it('move with their sequence', async () => {
    const { engine } = createFakeEngine({ slots: 3, contextTokens: 2048 });
    const caches = createSlotCaches(engine, undefined);
    const tokens = Array.from({ length: 600 }, (_, index) => index % 100);
    const marks: PrefixMarks = [['00000000000000aa', 256]];
    await caches.fill(2, tokens, 'ann', marks);
    await engine.step([{ slot: 2, tokens }]);
    expect(caches.held()).toEqual(marks);
    await caches.move(2, 0);
    expect(caches.held()).toEqual(marks);
    expect(engine.cachedTokens(2)).toHaveLength(0);
    engine.truncate(0, 0);
    expect(caches.held()).toEqual([]);
  });

  it('are gone when a batch has failed', async () => {
    let fails = false;
    const { engine } = createFakeEngine({
      slots: 1,
      contextTokens: 2048,
      onStep: () => {
        if (fails) throw new Error('no memory');
      },
    });
    const scheduler = toScheduler(engine);
    const request = chained('a', 700);
    await generate(scheduler, request);
    fails = true;
    const submission = scheduler.submit({ ...request, requestId: 'again' }, new AbortController().signal);
    if (submission.kind !== 'accepted') throw new Error('refused');
    expect((await fold(submission.events)).error?.code).toBe('engine_failed');
    expect(scheduler.heldPrefixes()).toEqual([]);
  });
});

describe('marks', () => {
  it('stand in proportion to the bytes', () => {
    const chain = { hashes: ['0'.repeat(16), '1'.repeat(16)], bytes: 600 };
    expect(toPrefixMarks(chain, 150)).toEqual([
      ['0'.repeat(16), 64],
      ['1'.repeat(16), 128],
    ]);
    expect(marksWithin(toPrefixMarks(chain, 150), 127)).toEqual([['0'.repeat(16), 64]]);
    expect(toPrefixMarks(undefined, 150)).toEqual([]);
  });

  it('are collected once each, no more than a report takes', () => {
    const list = (first: number): HeldPrefix[] =>
      Array.from({ length: 3000 }, (_, index) => [String(first + index).padStart(16, '0'), index]);
    const all = collectMarks([list(0), list(1000), list(9000)]);
    expect(all).toHaveLength(maxReportedPrefixes);
    expect(new Set(all.map(([hash]) => hash)).size).toBe(maxReportedPrefixes);
    expect(all.slice(0, 3000)).toEqual(list(0));
  });
});
