import type { HeldPrefix } from '../../protocol/prefix.js';
import type { LlamaEngine } from '../engine/engine.js';
import { collectMarks, marksWithin, type PrefixMarks } from './prefixMarks.js';
import type { PrefixStore } from './prefixStore.js';
import {
  chooseSlot,
  findLongestPrefix,
  worthwhileTokens,
  type CachedPrefix,
  type SlotView,
} from './slotPlacement.js';

/** What the slots of a model hold, whose it is, and how a request's prefix gets into its slot. */
export interface SlotCaches {
  /** The free slot for these tokens and the prefix that is likely to be there; undefined where none is free. */
  choose(
    tokens: readonly number[],
    cacheNamespace: string,
    busy: ReadonlySet<number>,
  ): CachedPrefix | undefined;
  /**
   * Gets the longest prefix that can be had cheaply into the slot, from the slot itself, another one or the disk, and
   * drops the rest. Returns its length. From then on the slot holds a part of these tokens, which the marks name.
   */
  fill(slot: number, tokens: readonly number[], cacheNamespace: string, marks: PrefixMarks): Promise<number>;
  /** Moves what `from` holds to `to`, whose own content is kept on disk. */
  move(from: number, to: number): Promise<void>;
  /** Tokens in all slots together. */
  cachedTokens(): number;
  /** Names of all prefixes that are held, in slots and on disk: those that were used last come first. */
  held(): HeldPrefix[];
}

/** A state is written to disk only where evaluating it again would take longer. */
const worthSavingTokens = 128;

export function createSlotCaches(engine: LlamaEngine, store: PrefixStore | undefined): SlotCaches {
  const namespaces = new Map<number, string>();
  const lastUses = new Map<number, number>();
  const marksOf = new Map<number, PrefixMarks>();
  let uses = 0;
  const slots = Array.from({ length: engine.slotCount }, (_, index) => index);

  function view(busy: ReadonlySet<number>): SlotView[] {
    return slots.map((index) => ({
      index,
      isBusy: busy.has(index),
      cachedTokens: engine.cachedTokens(index),
      cacheNamespace: namespaces.get(index),
      lastUse: lastUses.get(index) ?? 0,
    }));
  }

  const keyOf = (cacheNamespace: string) => ({ stateFormat: engine.stateFormat, cacheNamespace });

  /** What is marked in the slot and still there. */
  function heldIn(slot: number): PrefixMarks {
    return marksWithin(marksOf.get(slot) ?? [], engine.cachedTokens(slot).length);
  }

  /** Saves what the slot is about to lose, all but the first `kept` tokens, unless it is elsewhere, too. */
  async function evict(slot: number, kept: number): Promise<void> {
    const tokens = engine.cachedTokens(slot);
    const cacheNamespace = namespaces.get(slot);
    if (!store || cacheNamespace === undefined) return;
    const others = view(new Set()).filter(({ index }) => index !== slot);
    const inSlots = findLongestPrefix(others, tokens, cacheNamespace)?.tokens ?? 0;
    const onDisk = store.find(keyOf(cacheNamespace), tokens)?.tokens ?? 0;
    if (tokens.length - Math.max(kept, inSlots, onDisk) < worthSavingTokens) return;
    const sequence = { tokens, wholeBlocks: [...engine.wholeBlocks(slot)] };
    await store.save(keyOf(cacheNamespace), sequence, heldIn(slot), (file) => engine.saveCache(slot, file));
  }

  async function load(slot: number, tokens: readonly number[], cacheNamespace: string): Promise<number> {
    const found = store?.find(keyOf(cacheNamespace), tokens);
    if (!store || !found) return 0;
    try {
      await engine.loadCache(slot, found.saved);
      return found.tokens;
    } catch {
      await store.drop(found.saved);
      return 0;
    }
  }

  return {
    choose: (tokens, cacheNamespace, busy) => {
      const views = view(busy);
      const chosen = chooseSlot(views, tokens, cacheNamespace);
      const longest = findLongestPrefix(views, tokens, cacheNamespace);
      return chosen && { ...chosen, tokens: Math.max(chosen.tokens, longest?.tokens ?? 0) };
    },
    async fill(slot, tokens, cacheNamespace, marks) {
      const none = new Set<number>();
      const own = findLongestPrefix(
        view(none).filter(({ index }) => index === slot),
        tokens,
        cacheNamespace,
      );
      let reused = own?.tokens ?? 0;
      const other = findLongestPrefix(view(none), tokens, cacheNamespace);
      const saved = store?.find(keyOf(cacheNamespace), tokens);
      const isWorth = (length: number) => length >= reused + worthwhileTokens;
      await evict(slot, reused);
      // What is there from here on has other names, or none yet.
      marksOf.delete(slot);
      if (other && isWorth(other.tokens) && other.tokens >= (saved?.tokens ?? 0)) {
        await engine.copyCache(other.index, slot, other.tokens);
        reused = other.tokens;
      } else if (saved && isWorth(saved.tokens)) {
        // Where nothing was loaded the slot's own prefix is still there, or was emptied for the attempt.
        const loaded = await load(slot, tokens, cacheNamespace);
        reused = loaded > 0 ? loaded : Math.min(reused, engine.cachedTokens(slot).length);
      }

      engine.truncate(slot, reused);
      namespaces.set(slot, cacheNamespace);
      marksOf.set(slot, marks);
      lastUses.set(slot, ++uses);
      // Some models cannot drop the end of a sequence: what is left is what counts.
      return engine.cachedTokens(slot).length;
    },
    async move(from, to) {
      await evict(to, 0);
      await engine.copyCache(from, to, engine.cachedTokens(from).length);
      const cacheNamespace = namespaces.get(from);
      if (cacheNamespace !== undefined) namespaces.set(to, cacheNamespace);
      marksOf.set(to, marksOf.get(from) ?? []);
      lastUses.set(to, ++uses);
      engine.truncate(from, 0);
      marksOf.delete(from);
      namespaces.delete(from);
      lastUses.delete(from);
    },
    cachedTokens: () => slots.reduce((sum, slot) => sum + engine.cachedTokens(slot).length, 0),
    held: () => {
      const lastFirst = slots.toSorted((a, b) => (lastUses.get(b) ?? 0) - (lastUses.get(a) ?? 0));
      return collectMarks([...lastFirst.map(heldIn), ...(store?.marks(engine.stateFormat) ?? [])]);
    },
  };
}
