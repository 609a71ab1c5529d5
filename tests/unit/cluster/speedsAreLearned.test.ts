import { describe, expect, it } from 'vitest';
import { batchSlowdown, defaultSpeed, NodeSpeed, toPrior } from '../../../src/cluster/nodeSpeed.js';

/** Measurements of so many tokens a second. */
function learn(speed: NodeSpeed, rates: readonly number[], others = 0): void {
  for (const rate of rates) {
    speed.notePrefill(512, (512 / rate) * 1000, others);
    speed.noteDecode(64, (64 / rate) * 1000, others);
  }
}

const of = (...rates: number[]) => {
  const speed = new NodeSpeed();
  learn(speed, rates);
  return speed;
};
const times = (count: number, rate: number) => Array.from({ length: count }, () => rate);

describe('the speed of a node', () => {
  it('is the usual one before anything was measured', () => {
    expect(new NodeSpeed().measured).toEqual({
      prefillTokensPerSecond: undefined,
      decodeTokensPerSecond: undefined,
    });
    expect(new NodeSpeed().estimate(toPrior([]))).toEqual({ ...defaultSpeed, batchSlowdown });
  });

  it('is the median of the others until it was measured itself', () => {
    const prior = toPrior([of(100), of(200), of(5000), new NodeSpeed()]);
    expect(prior.prefillTokensPerSecond).toBeCloseTo(200);
    expect(new NodeSpeed().estimate(prior).decodeTokensPerSecond).toBeCloseTo(200);
  });

  it('comes within a tenth of the truth in 25 measurements, wherever the prior is', () => {
    for (const prior of [20, 2000]) {
      const rates = { prefillTokensPerSecond: prior, decodeTokensPerSecond: prior };
      const { prefillTokensPerSecond } = of(...times(25, 200)).estimate(rates);
      expect(prefillTokensPerSecond / 200).toBeGreaterThan(0.9);
      expect(prefillTokensPerSecond / 200).toBeLessThan(1.1);
    }
  });

  it.each([0.001, 1000])('hardly changes for one that is off by %d', (factor) => {
    const speed = of(...times(20, 100));
    learn(speed, [100 * factor]);
    expect(speed.measured.prefillTokensPerSecond).toBeGreaterThan(80);
    expect(speed.measured.prefillTokensPerSecond).toBeLessThan(125);
  });

  it('follows a change that lasts', () => {
    const speed = of(...times(50, 400));
    learn(speed, times(40, 50));
    expect(speed.measured.decodeTokensPerSecond).toBeLessThan(60);
  });

  it('is that of the node alone, whoever was there', () => {
    const speed = new NodeSpeed();
    learn(speed, times(5, 100 / (1 + 3 * batchSlowdown)), 3);
    expect(speed.measured.prefillTokensPerSecond).toBeCloseTo(100);
  });

  it('is not learned from a few tokens, or from no time', () => {
    const speed = new NodeSpeed();
    speed.notePrefill(20, 1000, 0);
    speed.noteDecode(3, 1000, 0);
    speed.noteDecode(300, 0, 0);
    expect(speed.measured).toEqual({ prefillTokensPerSecond: undefined, decodeTokensPerSecond: undefined });
  });
});
