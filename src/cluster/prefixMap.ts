import type { HeldPrefix, PrefixChain } from '../protocol/prefix.js';

/** Between two reports only what ends is added; a node that never reports must not grow without bound. */
const mostAdded = 16_384;

/** The prompt prefixes that one model of one worker process holds, as it says itself. */
export class PrefixMap {
  readonly #tokens = new Map<string, number>();

  /** A report says everything that is held. */
  replace(held: readonly HeldPrefix[]): void {
    this.#tokens.clear();
    this.add(held);
  }

  /** What a request left behind, until the next report. */
  add(held: readonly HeldPrefix[]): void {
    if (this.#tokens.size > mostAdded) this.#tokens.clear();
    for (const [hash, tokens] of held) this.#tokens.set(hash, tokens);
  }

  clear(): void {
    this.#tokens.clear();
  }

  /** Tokens of the longest prefix of the chain that is held. Whoever holds a prefix holds all shorter ones. */
  cachedTokens({ hashes }: Pick<PrefixChain, 'hashes'>): number {
    let cached = 0;
    for (const hash of hashes) {
      const tokens = this.#tokens.get(hash);
      if (tokens === undefined) break;
      cached = tokens;
    }
    return cached;
  }
}
