import { describe, expect, it } from 'vitest';
import { planThreads } from '../../../src/config/config.js';

describe('the threads of each worker', () => {
  it.each([
    [1, 1, 1],
    [2, 1, 2],
    [2, 2, 1],
    [8, 2, 4],
    [8, 3, 2],
    [16, 5, 3],
  ])('share %d cores among %d worker(s): %d, without a warning', (cores, workers, expected) => {
    expect(planThreads({ cores, workers, requested: undefined })).toEqual({
      threadsPerWorker: expected,
      warning: undefined,
    });
  });

  it.each([
    [8, 2, 1],
    [8, 2, 4],
    [8, 1, 8],
  ])('of %d cores and %d worker(s) are %d where that was asked for', (cores, workers, requested) => {
    expect(planThreads({ cores, workers, requested })).toEqual({
      threadsPerWorker: requested,
      warning: undefined,
    });
  });

  it('are cut to what fits, with a warning that names the numbers', () => {
    const plan = planThreads({ cores: 8, workers: 2, requested: 5 });
    expect(plan.threadsPerWorker).toBe(4);
    expect(plan.warning).toMatch(/--threads 5 for 2 worker\(s\).* 8 core\(s\).*using 4/);
  });

  it('are one with a warning where there are more workers than cores', () => {
    const plan = planThreads({ cores: 2, workers: 3, requested: undefined });
    expect(plan.threadsPerWorker).toBe(1);
    expect(plan.warning).toMatch(/3 workers on 2 core\(s\).* no faster than 2/);
    expect(planThreads({ cores: 2, workers: 3, requested: 1 }).warning).toBe(plan.warning);
  });

  it('never exceed the cores together, and leave none idle that could be shared evenly', () => {
    for (let cores = 1; cores <= 32; cores++) {
      for (let workers = 1; workers <= cores; workers++) {
        for (const requested of [undefined, 1, 2, 3, 7, 32, 1024]) {
          const { threadsPerWorker, warning } = planThreads({ cores, workers, requested });
          const fitting = Math.floor(cores / workers);
          expect(threadsPerWorker).toBeGreaterThanOrEqual(1);
          expect(threadsPerWorker * workers).toBeLessThanOrEqual(cores);
          expect(threadsPerWorker).toBe(Math.min(requested ?? fitting, fitting));
          expect(warning !== undefined).toBe(requested !== undefined && requested > fitting);
        }
      }
    }
  });
});
