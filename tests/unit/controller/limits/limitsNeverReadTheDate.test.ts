import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { formatGoDuration } from '../../../../src/controller/limits/goDuration.js';
import { RequestLog } from '../../../../src/controller/limits/requestLog.js';
import { TokenReservation } from '../../../../src/controller/limits/tokenReservation.js';
import { TokenWindow } from '../../../../src/controller/limits/tokenWindow.js';

class BrokenDate {
  static now(): never {
    throw new Error('the date was read');
  }
  constructor() {
    BrokenDate.now();
  }
}

beforeEach(() => void vi.stubGlobal('Date', BrokenDate));
afterEach(() => void vi.unstubAllGlobals());

it('nor could a jump of it move them', () => {
  expect(() => Date.now()).toThrow('the date was read');
  const log = new RequestLog();
  expect([0, 1, 2].map((now) => log.tryTake(2, now))).toEqual([true, true, false]);
  expect(log.roomInMs(2, 2)).toBeGreaterThan(59_000);
  const window = new TokenWindow();
  const reservation = new TokenReservation({ prompts: [10], completion: 0, named: 0 });
  expect(window.tryReserve(reservation, 10, 0)).toBe(true);
  window.end(reservation, 10, 1);
  expect(window.taken(59_000)).toBe(10);
});

it.each([
  [0, '0s'],
  [-1, '0s'],
  [11.2, '12ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [1_500, '1.5s'],
  [59_999.4, '1m0s'],
  [60_060, '1m0.06s'],
  [360_000, '6m0s'],
])('%d ms are %s in Go', (ms, text) => {
  expect(formatGoDuration(ms)).toBe(text);
});
