import { attentionBlockTokens } from './attentionBlocks.js';

/** The tokens in a slot's cache, and which blocks of them were evaluated whole, by number. */
export class CachedSequence {
  readonly tokens: number[] = [];
  readonly wholeBlocks = new Set<number>();

  /** The tokens of one batch. From a block on they are whole blocks, and begin where one begins. */
  append(tokens: readonly number[]): void {
    const start = this.tokens.length;
    this.tokens.push(...tokens);
    if (tokens.length < attentionBlockTokens) return;
    const end = Math.floor(this.tokens.length / attentionBlockTokens);
    for (let block = Math.ceil(start / attentionBlockTokens); block < end; block++)
      this.wholeBlocks.add(block);
  }

  /** How many of the first `count` tokens can stay: a part of a whole block is not what it would be by itself. */
  toKeepable(count: number): number {
    if (count >= this.tokens.length) return this.tokens.length;
    const last = Math.floor(count / attentionBlockTokens);
    return this.wholeBlocks.has(last) ? last * attentionBlockTokens : count;
  }

  truncate(count: number): void {
    this.tokens.length = Math.min(count, this.tokens.length);
    for (const block of this.wholeBlocks)
      if ((block + 1) * attentionBlockTokens > this.tokens.length) this.wholeBlocks.delete(block);
  }

  replaceWith({ tokens, wholeBlocks }: { tokens: readonly number[]; wholeBlocks: Iterable<number> }): void {
    this.tokens.splice(0, Infinity, ...tokens);
    this.wholeBlocks.clear();
    for (const block of wholeBlocks) this.wholeBlocks.add(block);
  }
}
