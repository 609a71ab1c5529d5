import type { Store } from 'express-rate-limit';
import type { KeyUses } from './keyUses.js';

/**
 * Lets express-rate-limit count in the sliding windows of keys, instead of its own window, which is a fixed one on a
 * clock that jumps. A request that it is to refuse has infinitely many hits, and is not counted.
 */
export function createRequestLogStore(
  uses: KeyUses,
  { limitOf, now }: { limitOf: (keyId: string) => number | null; now: () => number },
): Store {
  return {
    increment(keyId) {
      const { requests } = uses.of(keyId);
      const isAdmitted = requests.tryTake(limitOf(keyId) ?? Infinity, now());
      return { totalHits: isAdmitted ? requests.used(now()) : Infinity, resetTime: undefined };
    },
    // Both are never asked for: what was let in stays counted, and a window forgets by itself.
    decrement: () => undefined,
    resetKey: () => undefined,
  };
}
