import type { Share } from './fairLine.js';

/** How many requests may wait for a model, and how large their prompts may be together. */
export interface QueueLimits {
  readonly requests: number;
  readonly promptBytes: number;
}

/** What waits, as far as bounds go. */
export interface Load extends Share {
  readonly promptBytes: number;
}

interface KeyLoad {
  readonly keyId: string;
  weight: number;
  waiting: number;
  promptBytes: number;
  /** Requests that hold a slot. */
  running: number;
}

/** What becomes of a newcomer that is counted already. */
export type Verdict =
  | { readonly kind: 'fits' }
  /** Its key has its share of the queue, and others are there. */
  | { readonly kind: 'overShare' }
  /** It has a right to a place: this key, which has more than its share, gives one up. */
  | { readonly kind: 'displaces'; readonly keyId: string }
  | { readonly kind: 'overflow' };

/**
 * The bounds of one queue. The shares of the keys that are there, waiting or running, add up to the whole: one that is
 * alone has all of it, and gives it back as others come.
 */
export class QueueBounds {
  readonly #keys = new Map<string, KeyLoad>();
  readonly #limits: QueueLimits;
  #waiting = 0;
  #promptBytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get promptBytes(): number {
    return this.#promptBytes;
  }

  waitingOf(keyId: string): number {
    return this.#keys.get(keyId)?.waiting ?? 0;
  }

  /** The part of the cluster that the key is due beside those that are there, 0..1. */
  shareOf({ keyId, weight }: Share): number {
    let sum = weight;
    for (const other of this.#keys.values()) if (other.keyId !== keyId) sum += other.weight;
    return weight / sum;
  }

  addWaiting({ keyId, weight, promptBytes }: Load, count: 1 | -1): void {
    const key = this.#keyOf(keyId, weight);
    key.waiting += count;
    key.promptBytes += count * promptBytes;
    this.#waiting += count;
    this.#promptBytes += count * promptBytes;
    this.#forgetIfGone(key);
  }

  addRunning({ keyId, weight }: Share, count: 1 | -1): void {
    const key = this.#keyOf(keyId, weight);
    key.running += count;
    this.#forgetIfGone(key);
  }

  /** May this newcomer stay? Asked again after each one that gave up its place. */
  judge(newcomer: Load): Verdict {
    const own = this.#keyOf(newcomer.keyId, newcomer.weight);
    if (this.#keys.size > 1 && this.#excessOf(own) > 1) return { kind: 'overShare' };
    const { requests, promptBytes } = this.#limits;
    if (this.#waiting <= requests && this.#promptBytes <= promptBytes) return { kind: 'fits' };
    let largest: { keyId: string; excess: number } | undefined;
    for (const key of this.#keys.values()) {
      const excess = this.#excessOf(key);
      if (key !== own && excess > (largest?.excess ?? 1)) largest = { keyId: key.keyId, excess };
    }
    return largest ? { kind: 'displaces', keyId: largest.keyId } : { kind: 'overflow' };
  }

  /** How many times its share a key has in the queue; one request alone is never too much. */
  #excessOf(key: KeyLoad): number {
    if (key.waiting <= 1) return 0;
    const share = this.shareOf(key);
    const { requests, promptBytes } = this.#limits;
    return Math.max(key.waiting / (share * requests), key.promptBytes / (share * promptBytes));
  }

  #keyOf(keyId: string, weight: number): KeyLoad {
    const key = this.#keys.get(keyId) ?? { keyId, weight, waiting: 0, promptBytes: 0, running: 0 };
    key.weight = weight;
    this.#keys.set(keyId, key);
    return key;
  }

  #forgetIfGone(key: KeyLoad): void {
    if (key.waiting === 0 && key.running === 0) this.#keys.delete(key.keyId);
  }
}
