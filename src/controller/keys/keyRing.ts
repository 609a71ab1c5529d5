import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ControllerEvents } from '../../observability/events.js';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { KeyStore } from '../../stores/keyStore.js';
import { digestOf, parseKeyText, type KeyText } from '../../stores/keyText.js';

/** A key, and whether it works at this moment. */
export interface Standing {
  readonly result: 'ok' | 'expired' | 'disabled' | 'revoked';
  readonly key: ApiKey;
}

/** What a text is worth. `invalid`: it is none of the keys. */
export type Verdict = Standing | { readonly result: 'invalid' };

/** All keys in memory: what is asked for every request never goes to the disk, and no text of a client does. */
export interface KeyRing {
  /** No key was ever made: whoever comes may ask. */
  isOpen(): boolean;
  /** Takes the same time for a wrong secret as for a key that is not there. */
  verify(text: string): Verdict;
  /** For work that goes on without its text. */
  find(id: string): Standing | undefined;
  /** Reads the store again, as after a change by this process. */
  reload(): void;
  close(): void;
}

export interface KeyRingDeps {
  readonly store: Pick<KeyStore, 'stored' | 'hasChanged'>;
  readonly events: Pick<ControllerEvents, 'keyAdded' | 'keyRevoked' | 'keysUnreadable'>;
  /** Milliseconds since 1970: an expiry is a date, wherever the clock was set to. */
  readonly now?: () => number;
}

interface Entry {
  readonly key: ApiKey;
  readonly digest: Buffer;
  readonly expiresAtMs: number;
}

/** Another process's changes are known after so long. */
export const keyPollMs = 250;

/** Whom nobody can be: what a key that is not there is compared with. */
const nobody: KeyText & { readonly digest: Buffer } = { id: '', secret: '', digest: randomBytes(32) };

/** Reads the keys, and goes on reading them where another process changes them. */
export function startKeyRing({ store, events, now = Date.now }: KeyRingDeps): KeyRing {
  let entries: ReadonlyMap<string, Entry> = new Map();
  /** A secret is looked for by itself, so that a text with the id of a key misses in the same way as any other. */
  let byDigest: ReadonlyMap<string, Entry> = new Map();
  let isStale = false;
  let isReadable = true;

  function reload(): void {
    isStale = true;
    const before = entries;
    entries = new Map(store.stored().map(({ key, digest }) => [key.id, toEntry(key, digest)]));
    byDigest = new Map([...entries.values()].map((entry) => [placeOf(entry.digest), entry]));
    isStale = false;
    for (const { key } of entries.values()) {
      const wasLive = isLive(before.get(key.id)?.key);
      if (isLive(key) && !wasLive) events.keyAdded(key.id);
      if (!isLive(key) && wasLive) events.keyRevoked(key.id);
    }
  }

  function poll(): void {
    try {
      if (store.hasChanged() || isStale) reload();
      isReadable = true;
    } catch (error) {
      if (isReadable) events.keysUnreadable(error);
      isReadable = false;
    }
  }

  function judge({ key, expiresAtMs }: Entry): Standing {
    if (key.state !== 'active') return { result: key.state, key };
    return { result: expiresAtMs <= now() ? 'expired' : 'ok', key };
  }

  reload();
  const timer = setInterval(poll, keyPollMs);
  timer.unref();

  return {
    isOpen: () => entries.size === 0,
    verify(text) {
      const { id, secret } = parseKeyText(text) ?? nobody;
      const digest = digestOf(secret);
      const entry = byDigest.get(placeOf(digest));
      const isRight = timingSafeEqual(digest, (entry ?? nobody).digest);
      return isRight && entry?.key.id === id ? judge(entry) : { result: 'invalid' };
    },
    find(id) {
      const entry = entries.get(id);
      return entry && judge(entry);
    },
    reload,
    close: () => clearInterval(timer),
  };
}

/** Of a digest that nobody can choose, half is enough to find it. */
function placeOf(digest: Buffer): string {
  return digest.toString('latin1', 0, 16);
}

function toEntry(key: ApiKey, digest: Buffer): Entry {
  return { key, digest, expiresAtMs: key.expiresAt === null ? Infinity : Date.parse(key.expiresAt) };
}

function isLive(key: ApiKey | undefined): boolean {
  return key !== undefined && key.state !== 'revoked';
}
