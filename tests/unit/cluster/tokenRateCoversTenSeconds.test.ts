import { describe, expect, it } from 'vitest';
import { TokenRate } from '../../../src/cluster/tokenRate.js';

describe('tokens a second', () => {
  it('are 0 at first', () => {
    expect(new TokenRate().perSecond(0)).toBe(0);
    expect(new TokenRate().perSecond(123_456)).toBe(0);
  });

  it('are a tenth of the tokens of the window', () => {
    const rate = new TokenRate();
    rate.add(5, 20_000);
    rate.add(15, 20_900);
    rate.add(30, 23_000);
    expect(rate.perSecond(23_000)).toBe(5);
  });

  it('follow a steady stream', () => {
    const rate = new TokenRate();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100) rate.add(4, nowMs);
    expect(rate.perSecond(59_999)).toBe(40);
  });

  it('keep a token until its second leaves the window', () => {
    const rate = new TokenRate();
    rate.add(10, 20_000);
    expect(rate.perSecond(29_999)).toBe(1);
    expect(rate.perSecond(30_000)).toBe(0);
  });

  it('are 0 within ten seconds of the last token, wherever in its second it came', () => {
    for (const offset of [0, 1, 500, 999]) {
      const rate = new TokenRate();
      rate.add(10, 20_000 + offset);
      expect(rate.perSecond(20_000 + offset + 9_000)).toBe(1);
      expect(rate.perSecond(20_000 + offset + 10_000)).toBe(0);
    }
  });

  it('fall second by second', () => {
    const rate = new TokenRate();
    for (let second = 0; second < 10; second++) rate.add(10, second * 1_000);
    const falling = [9, 10, 11, 15, 18, 19].map((second) => rate.perSecond(second * 1_000));
    expect(falling).toEqual([10, 9, 8, 4, 1, 0]);
  });

  it('do not take up what was counted a window ago, after idling for exactly that long or longer', () => {
    for (const idleMs of [10_000, 20_000, 3_600_000]) {
      const rate = new TokenRate();
      rate.add(1_000, 500);
      rate.add(10, 500 + idleMs);
      expect(rate.perSecond(500 + idleMs)).toBe(1);
    }
  });

  it('are not changed by being read', () => {
    const rate = new TokenRate();
    rate.add(10, 1_000);
    rate.perSecond(60_000);
    expect(rate.perSecond(1_000)).toBe(1);
  });
});
