import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SavedCache } from '../engine/engine.js';
import { claimInstanceFolder } from './instanceFolder.js';
import type { PrefixMarks } from './prefixMarks.js';
import { commonPrefix } from './slotPlacement.js';

export interface PrefixStoreOptions {
  /** Every store makes its own folder in this one, which goes when the store closes, or with a later store. */
  readonly parentFolder: string;
  readonly maxBytes: number;
}

/**
 * Caches of slots on disk: what a slot held comes back faster from there than it is evaluated again. A file's name is
 * the digest of model, context shape, library version, cache namespace and tokens, so that no other state is ever
 * loaded. The least recently used files go first.
 */
export interface PrefixStore {
  /** The saved state that shares the longest prefix with `tokens`. */
  find(
    key: PrefixKey,
    tokens: readonly number[],
  ): { readonly saved: SavedCache; readonly tokens: number } | undefined;
  /** Has `write` write the state to a file, unless it is there already. Errors of the disk only lose the state. */
  save(
    key: PrefixKey,
    sequence: Pick<SavedCache, 'tokens' | 'wholeBlocks'>,
    marks: PrefixMarks,
    write: (file: string) => Promise<void>,
  ): Promise<void>;
  /** Names of the prefixes in the states of this format: those that were used last come first. */
  marks(stateFormat: string): PrefixMarks[];
  /** Removes a state that could not be loaded. */
  drop(saved: SavedCache): Promise<void>;
  close(): Promise<void>;
}

export interface PrefixKey {
  /** See {@link LlamaEngine.stateFormat}. */
  readonly stateFormat: string;
  readonly cacheNamespace: string;
}

interface Entry extends SavedCache {
  readonly key: string;
  readonly stateFormat: string;
  readonly marks: PrefixMarks;
}

export async function openPrefixStore({ parentFolder, maxBytes }: PrefixStoreOptions): Promise<PrefixStore> {
  const { folder, remove: removeFolder } = await claimInstanceFolder(parentFolder);
  /** By file; the least recently used comes first. */
  const entries = new Map<string, Entry>();
  let totalBytes = 0;

  async function remove(entry: Entry): Promise<void> {
    if (!entries.delete(entry.file)) return;
    totalBytes -= entry.bytes;
    await removeFile(entry.file);
  }

  function use(entry: Entry): void {
    entries.delete(entry.file);
    entries.set(entry.file, entry);
  }

  return {
    find(key, tokens) {
      let best: { saved: Entry; tokens: number } | undefined;
      for (const saved of entries.values()) {
        if (saved.key !== toText(key)) continue;
        const length = commonPrefix(saved.tokens, tokens);
        if (length > (best?.tokens ?? 0)) best = { saved, tokens: length };
      }
      if (best) use(best.saved);
      return best;
    },
    async save(key, { tokens, wholeBlocks }, marks, write) {
      const file = path.join(folder, `${digest(key, tokens)}.state`);
      const known = entries.get(file);
      if (known) return use(known);
      try {
        await write(file);
        const { size } = await stat(file);
        if (size > maxBytes) return await removeFile(file);
        totalBytes += size - (entries.get(file)?.bytes ?? 0);
        const { stateFormat } = key;
        entries.set(file, {
          ...{ file, tokens: [...tokens], wholeBlocks: [...wholeBlocks], bytes: size },
          ...{ key: toText(key), stateFormat, marks },
        });
      } catch {
        return await removeFile(file);
      }
      for (const entry of entries.values()) {
        if (totalBytes <= maxBytes) break;
        await remove(entry);
      }
    },
    marks: (stateFormat) =>
      [...entries.values()]
        .filter((entry) => entry.stateFormat === stateFormat)
        .map(({ marks }) => marks)
        .reverse(),
    drop: async ({ file }) => {
      const entry = entries.get(file);
      if (entry) await remove(entry);
    },
    close: removeFolder,
  };
}

/** A file that cannot be removed is not worth a request: the folder goes when the store closes. */
async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => undefined);
}

function toText({ stateFormat, cacheNamespace }: PrefixKey): string {
  return JSON.stringify([stateFormat, cacheNamespace]);
}

function digest(key: PrefixKey, tokens: readonly number[]): string {
  return createHash('sha256').update(toText(key)).update(Uint32Array.from(tokens)).digest('hex');
}
