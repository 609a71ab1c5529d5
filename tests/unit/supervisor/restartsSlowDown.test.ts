import { describe, expect, it } from 'vitest';
import { decideRestart } from '../../../src/supervisor/restartPolicy.js';

const now = 1_000_000;

describe('a process that died', () => {
  it.each([
    [1, 200, false],
    [2, 400, false],
    [3, 800, false],
    [4, 1_600, false],
    [5, 30_000, true],
    [6, 30_000, true],
    [50, 30_000, true],
  ])('for the %dth time of the last minute is started again after %d ms', (deaths, delayMs, isCrashLoop) => {
    const deathsMs = Array.from({ length: deaths }, (_, index) => now - (deaths - 1 - index) * 100);
    expect(decideRestart(deathsMs, now)).toEqual({ delayMs, isCrashLoop });
  });

  it('begins anew after a good minute', () => {
    const longAgo = [1, 2, 3, 4, 5].map((minute) => now - minute * 60_000 - 1);
    expect(decideRestart([...longAgo, now], now)).toEqual({ delayMs: 200, isCrashLoop: false });
    expect(decideRestart(longAgo, now)).toEqual({ delayMs: 200, isCrashLoop: false });
  });

  it('has a minute that ends after exactly 60 s', () => {
    expect(decideRestart([now - 60_000, now], now).delayMs).toBe(200);
    expect(decideRestart([now - 59_999, now], now).delayMs).toBe(400);
    expect(decideRestart([now - 60_000, now - 4, now - 3, now - 2, now], now).isCrashLoop).toBe(false);
    expect(decideRestart([now - 59_999, now - 4, now - 3, now - 2, now], now).isCrashLoop).toBe(true);
  });

  it('never died: it is started after the shortest time', () => {
    expect(decideRestart([], now)).toEqual({ delayMs: 200, isCrashLoop: false });
  });

  it('leaves a crash loop when it dies less often', () => {
    const often = [0, 1, 2, 3, 4].map((second) => now + second * 1_000);
    expect(decideRestart(often, now + 4_000).isCrashLoop).toBe(true);
    const later = now + 62_000;
    expect(decideRestart([...often, later], later)).toEqual({ delayMs: 800, isCrashLoop: false });
  });
});
