import { attentionBlockTokens, countBlocks } from '../engine/attentionBlocks.js';

/**
 * Which blocks of a prompt are evaluated whole, and which are split up into tokens. All are whole, but those that the
 * cache has as they were generated (an earlier answer, in a conversation), and all of a model that is too slow for
 * blocks. A stream that is resumed goes the way that it went where it began, so that the same numbers come out.
 */
export class PromptBlocks {
  readonly #count: number;
  readonly #split: Set<number>;
  readonly #isGiven: boolean;

  /** @param given the split blocks of a stream that is resumed */
  constructor(
    promptTokens: number,
    { usesBlocks, given }: { usesBlocks: boolean; given?: readonly number[] },
  ) {
    this.#count = countBlocks(promptTokens);
    this.#split = new Set(given ?? (usesBlocks ? [] : Array(this.#count).keys()));
    this.#isGiven = given !== undefined;
  }

  /** By number, ascending. */
  get split(): number[] {
    return [...this.#split].sort((a, b) => a - b);
  }

  /** How many of the first `cached` tokens can be used, of a cache that has evaluated these blocks whole. */
  toUsable(cached: number, wholeBlocks: ReadonlySet<number>): number {
    for (let block = 0, end = attentionBlockTokens; ; block++, end += attentionBlockTokens) {
      const start = end - attentionBlockTokens;
      if (start >= cached) return cached;
      const isWhole = wholeBlocks.has(block);
      if (end > cached) return isWhole || this.#isWhole(block) ? start : cached;
      const isGladlyTaken = !isWhole && !this.#isGiven;
      if (isWhole !== this.#isWhole(block) && !isGladlyTaken) return start;
    }
  }

  /** The cache's first `reused` tokens are used. */
  reuse(reused: number, wholeBlocks: ReadonlySet<number>): void {
    if (this.#isGiven) return;
    const reusedBlocks = Math.min(this.#count, reused / attentionBlockTokens);
    for (let block = 0; block < reusedBlocks; block++) if (!wholeBlocks.has(block)) this.#split.add(block);
  }

  /** From this token on: whether it lies in a whole block, and how many tokens follow that go the same way. */
  runFrom(position: number): { readonly tokens: number; readonly inBlocks: boolean } {
    const first = Math.floor(position / attentionBlockTokens);
    const inBlocks = this.#isWhole(first);
    let block = first;
    while (block < this.#count && this.#isWhole(block) === inBlocks) block++;
    const isLast = block >= this.#count && !inBlocks;
    return { tokens: isLast ? Infinity : block * attentionBlockTokens - position, inBlocks };
  }

  #isWhole(block: number): boolean {
    return block < this.#count && !this.#split.has(block);
  }
}
