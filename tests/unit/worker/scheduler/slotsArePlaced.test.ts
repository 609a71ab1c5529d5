import { describe, expect, it } from 'vitest';
import {
  chooseSlot,
  commonPrefix,
  countRuns,
  findLongestPrefix,
  planMove,
  worthwhileTokens,
  type SlotView,
} from '../../../../src/worker/scheduler/slotPlacement.js';

const prompt = Array.from({ length: 100 }, (_, index) => index);
const begin = (length: number, ...rest: number[]) => [...prompt.slice(0, length), ...rest];

function slot(index: number, cachedTokens: readonly number[] = [], fields: Partial<SlotView> = {}): SlotView {
  return { index, isBusy: false, cachedTokens, cacheNamespace: 'ann', lastUse: 0, ...fields };
}

describe('the slot for a prompt', () => {
  const choose = (...slots: SlotView[]) => chooseSlot(slots, prompt, 'ann');

  it('is none where all are busy or there are none', () => {
    expect(choose(slot(0, prompt, { isBusy: true }), slot(1, [], { isBusy: true }))).toBeUndefined();
    expect(choose()).toBeUndefined();
  });

  it('has the longest common prefix', () => {
    const slots = [slot(0), slot(1, begin(40)), slot(2, begin(50, 7)), slot(3, [9])];
    expect(choose(...slots)).toEqual({ index: 2, tokens: 50 });
  });

  it('is not a busy one, however good its prefix', () => {
    expect(choose(slot(0, prompt, { isBusy: true }), slot(1, begin(1)))).toEqual({ index: 1, tokens: 1 });
  });

  it('shares no prefix with another namespace', () => {
    expect(choose(slot(0, prompt, { cacheNamespace: 'bob' }), slot(1, begin(40)))).toEqual({
      index: 1,
      tokens: 40,
    });
    expect(choose(slot(0, prompt, { cacheNamespace: 'bob' }))).toEqual({ index: 0, tokens: 0 });
    expect(choose(slot(0, prompt, { cacheNamespace: undefined }))).toEqual({ index: 0, tokens: 0 });
  });

  it('counts a prefix from the beginning only', () => {
    expect(choose(slot(0, prompt.slice(1)))).toEqual({ index: 0, tokens: 0 });
    expect(choose(slot(0, [0, 9, 2, 3]))).toEqual({ index: 0, tokens: 1 });
  });

  it('leaves the last token to evaluate, also where the cache holds all and more', () => {
    expect(choose(slot(0, prompt))).toEqual({ index: 0, tokens: 99 });
    expect(choose(slot(0, [...prompt, 6, 7]))).toEqual({ index: 0, tokens: 99 });
    expect(chooseSlot([slot(0, [1])], [1], 'ann')).toEqual({ index: 0, tokens: 0 });
  });

  it('has, among equal prefixes, not been used for the longest time', () => {
    const slots = [slot(0, begin(40, 8), { lastUse: 9 }), slot(1, begin(40), { lastUse: 3 })];
    expect(choose(...slots)).toEqual({ index: 1, tokens: 40 });
    expect(choose(slot(0, [7, 7], { lastUse: 1 }), slot(1))).toEqual({ index: 1, tokens: 0 });
  });

  it('has, among equals, the lowest index, whatever their order', () => {
    expect(choose(slot(3), slot(1), slot(2))).toEqual({ index: 1, tokens: 0 });
  });

  it('closes a gap between busy ones, unless a prefix elsewhere is worth more', () => {
    const busy = { isBusy: true };
    const around = [slot(0, [], busy), slot(2, [], busy)];
    expect(choose(...around, slot(1, [7, 7, 7]), slot(3))?.index).toBe(1);
    expect(choose(...around, slot(1), slot(7, begin(worthwhileTokens - 1)))?.index).toBe(1);
    expect(choose(...around, slot(1), slot(7, begin(worthwhileTokens)))?.index).toBe(7);
  });
});

describe('a prefix', () => {
  it('is looked for in busy slots too', () => {
    const slots = [slot(0, begin(10)), slot(1, begin(60), { isBusy: true }), slot(2, begin(20))];
    expect(findLongestPrefix(slots, prompt, 'ann')).toEqual({ index: 1, tokens: 60 });
    expect(findLongestPrefix(slots, prompt, 'bob')).toBeUndefined();
  });

  it('never has the last token of the request', () => {
    expect(commonPrefix([1, 2, 3], [1, 2, 3])).toBe(2);
    expect(commonPrefix([], [1])).toBe(0);
  });
});

describe('active slots', () => {
  it.each([
    [[], 0],
    [[3], 1],
    [[2, 0, 1], 1],
    [[0, 1, 4, 5], 2],
    [[6, 0, 4, 2], 4],
  ])('%j are so many runs', (indexes, runs) => {
    expect(countRuns(indexes)).toBe(runs);
  });

  it.each([
    [[0, 2], { from: 2, to: 1 }],
    [[5, 0, 1, 4], { from: 5, to: 2 }],
    [[4, 6], { from: 6, to: 5 }],
  ])('%j come closer together', (active, move) => {
    expect(planMove(active)).toEqual(move);
  });

  it.each([[[]], [[3]], [[2, 3, 4]]])('%j stay where they are', (active) => {
    expect(planMove(active)).toBeUndefined();
  });

  it('are one run after enough moves', () => {
    let active = [0, 3, 5, 9, 10];
    for (let move = planMove(active); move; move = planMove(active)) {
      const { from, to } = move;
      active = active.map((index) => (index === from ? to : index));
    }
    expect(active.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });
});
