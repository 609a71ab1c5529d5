import { randomBytes } from 'node:crypto';
import { mean, quantile } from '../../bench/support/statistics.js';
import { startKeyRing, type KeyRing } from '../../src/controller/keys/keyRing.js';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import type { StoredKey } from '../../src/stores/keyStore.js';
import { digestOf, formatKeyText, mintKeyId, mintSecret } from '../../src/stores/keyText.js';

/** Whether the time that a refusal takes tells that the beginning of a key was right. */

/** Texts with the id of a key and a wrong secret, and texts of which nothing is right. */
export interface TimedKeys {
  readonly ring: KeyRing;
  readonly goodPrefix: readonly string[];
  readonly badPrefix: readonly string[];
}

/** A ring with so many keys, and wrong texts for it. */
export function createTimedKeys(count = 256): TimedKeys {
  const stored: StoredKey[] = Array.from({ length: count }, () => ({
    key: { ...defaultKeySettings, name: 'x', id: mintKeyId(), state: 'active', createdAt: '' },
    digest: digestOf(mintSecret()),
  }));
  const ring = startKeyRing({
    store: { stored: () => stored, hasChanged: () => false },
    events: { keyAdded: () => undefined, keyRevoked: () => undefined, keysUnreadable: () => undefined },
  });
  return { ring, ...wrongTexts(stored.map(({ key }) => key.id)) };
}

/** For keys with these ids: one text each with and without a right id. */
export function wrongTexts(ids: readonly string[]): Pick<TimedKeys, 'goodPrefix' | 'badPrefix'> {
  const toText = (id: string) => formatKeyText({ id, secret: mintSecret() });
  return { goodPrefix: ids.map(toText), badPrefix: ids.map(() => toText(mintKeyId())) };
}

/**
 * Welch's t of the times of two kinds of attempts, in an order that nobody can foresee, so that whatever else happens
 * on the machine meets both alike. The slowest twentieth is left out: it is what else happens.
 */
export async function measureT(
  { goodPrefix, badPrefix }: Pick<TimedKeys, 'goodPrefix' | 'badPrefix'>,
  samples: number,
  attempt: (text: string) => void | Promise<void>,
): Promise<number> {
  const times: [number[], number[]] = [[], []];
  const coins = randomBytes(samples);
  for (const coin of coins) {
    const kind = (coin & 1) as 0 | 1;
    const texts = kind === 0 ? goodPrefix : badPrefix;
    // A text of its own for each attempt, as it comes from a socket.
    const text = Buffer.from(texts[times[kind].length % texts.length] ?? '').toString();
    const startedAt = process.hrtime.bigint();
    const pending = attempt(text);
    if (pending) await pending;
    times[kind].push(Number(process.hrtime.bigint() - startedAt));
  }
  const cut = quantile(times.flat(), 0.95);
  return welchT(...(times.map((all) => all.filter((time) => time <= cut)) as [number[], number[]]));
}

/** The smallest |t| of at most so many rounds; a real difference shows in every one. Stops below `limit`. */
export async function leastT(rounds: number, limit: number, measure: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < rounds && least >= limit; round++)
    least = Math.min(least, Math.abs(await measure()));
  return least;
}

function welchT(a: readonly number[], b: readonly number[]): number {
  return (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);
}

function variance(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}
