import { describe, expect, it } from 'vitest';
import { countDeaths, decideRestart } from '../../../src/supervisor/restartPolicy.js';

describe('a process that died', () => {
  it.each([
    [1, 200, false],
    [2, 400, false],
    [3, 800, false],
    [4, 1_600, false],
    [5, 30_000, true],
    [6, 30_000, true],
    [50, 30_000, true],
  ])('%d times in a row is started again after %d ms', (deaths, delayMs, isCrashLoop) => {
    expect(decideRestart(deaths)).toEqual({ delayMs, isCrashLoop });
  });

  it('counts its deaths in a row until it has lived for a minute', () => {
    expect(countDeaths(0, 10)).toBe(1);
    expect(countDeaths(4, 59_999)).toBe(5);
    expect(countDeaths(4, 60_000)).toBe(1);
  });

  it('stays in its crash loop as long as it dies at once, although the pauses are long', () => {
    let deaths = 0;
    const delays = Array.from({ length: 8 }, () => {
      deaths = countDeaths(deaths, 15_000);
      return decideRestart(deaths).delayMs;
    });
    expect(delays).toEqual([200, 400, 800, 1_600, 30_000, 30_000, 30_000, 30_000]);
  });
});
