import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CachedSequence } from '../../../../src/worker/engine/cachedSequence.js';
import { PromptBlocks } from '../../../../src/worker/generation/promptBlocks.js';

const whole = (...blocks: number[]) => new Set(blocks);
const fresh = (promptTokens: number) => new PromptBlocks(promptTokens, { usesBlocks: true });

describe('the blocks of a prompt', () => {
  it('are whole up to its last token, which is sampled behind', () => {
    expect(fresh(64).runFrom(0)).toEqual({ tokens: Infinity, inBlocks: false });
    expect(fresh(65).runFrom(0)).toEqual({ tokens: 64, inBlocks: true });
    expect(fresh(300).runFrom(64)).toEqual({ tokens: 192, inBlocks: true });
    expect(fresh(300).runFrom(256)).toEqual({ tokens: Infinity, inBlocks: false });
    expect(fresh(300).split).toEqual([]);
  });

  it('are all split where the model is too slow for them', () => {
    const slow = new PromptBlocks(300, { usesBlocks: false });
    expect(slow.runFrom(0)).toEqual({ tokens: Infinity, inBlocks: false });
    expect(slow.split).toEqual([0, 1, 2, 3]);
  });

  it.each([
    ['all of what the cache has evaluated in the same way', 300, 280, whole(0, 1, 2, 3), 280],
    ['no part of a block that it would evaluate whole', 300, 250, whole(0, 1, 2), 192],
    ['no part of a block that the cache has evaluated whole', 40, 30, whole(0), 0],
    ['what the cache has behind its own prompt, in whole blocks', 300, 250, whole(0), 192],
    ['nothing of nothing', 300, 0, whole(), 0],
  ])('can use %s', (_what, promptTokens, cached, wholeBlocks, usable) => {
    expect(fresh(promptTokens).toUsable(cached, wholeBlocks)).toBe(usable);
  });

  it('are split where they are used as they were generated', () => {
    const blocks = fresh(300);
    blocks.reuse(192, whole(0));
    expect(blocks.split).toEqual([1, 2]);
    expect(blocks.runFrom(192)).toEqual({ tokens: 64, inBlocks: true });
  });

  it('of a resumed stream go the way they went where it began, and no other way is used', () => {
    const blocks = new PromptBlocks(300, { usesBlocks: false, given: [1] });
    expect(blocks.runFrom(0)).toEqual({ tokens: 64, inBlocks: true });
    expect(blocks.runFrom(70)).toEqual({ tokens: 58, inBlocks: false });
    expect(blocks.runFrom(128)).toEqual({ tokens: 128, inBlocks: true });
    expect(blocks.toUsable(299, whole(0, 2, 3))).toBe(299);
    expect(blocks.toUsable(299, whole(0, 1, 2, 3))).toBe(64);
    expect(blocks.toUsable(299, whole())).toBe(0);
    // What was generated is behind the prompt, and never in a block.
    expect(blocks.toUsable(400, whole(0, 2, 3, 4))).toBe(256);
    blocks.reuse(64, whole());
    expect(blocks.split).toEqual([1]);
  });

  it('that are used are those that a stream resumed elsewhere evaluates', () => {
    const cases = fc.record({
      promptTokens: fc.integer({ min: 1, max: 700 }),
      cached: fc.nat(700),
      wholeBlocks: fc.uniqueArray(fc.nat(10)).map((blocks) => new Set(blocks)),
    });
    fc.assert(
      fc.property(cases, ({ promptTokens, cached, wholeBlocks }) => {
        const first = fresh(promptTokens);
        const used = first.toUsable(Math.min(cached, promptTokens - 1), wholeBlocks);
        first.reuse(used, wholeBlocks);
        const second = new PromptBlocks(promptTokens, { usesBlocks: true, given: first.split });
        for (let position = 0; position < promptTokens; position++) {
          const { inBlocks } = second.runFrom(position);
          const wasInBlock =
            position < used ? wholeBlocks.has(Math.floor(position / 64)) : first.runFrom(position).inBlocks;
          expect(inBlocks).toBe(wasInBlock);
        }
        // And it can use the same cache as far.
        expect(second.toUsable(used, wholeBlocks)).toBe(used);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a cached sequence', () => {
  it('knows which blocks came whole, and gives up no part of one', () => {
    const sequence = new CachedSequence();
    sequence.append(new Array<number>(128).fill(1));
    sequence.append(new Array<number>(40).fill(2));
    sequence.append(new Array<number>(30).fill(3));
    expect([...sequence.wholeBlocks]).toEqual([0, 1]);
    expect([500, 198, 150, 128, 100, 10].map((count) => sequence.toKeepable(count))).toEqual([
      198, 198, 150, 128, 64, 0,
    ]);
    sequence.truncate(64);
    expect([...sequence.wholeBlocks]).toEqual([0]);
    const copy = new CachedSequence();
    copy.replaceWith(sequence);
    sequence.truncate(0);
    expect([copy.tokens.length, ...copy.wholeBlocks]).toEqual([64, 0]);
    expect([sequence.tokens.length, sequence.wholeBlocks.size]).toEqual([0, 0]);
  });
});
