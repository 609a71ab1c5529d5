import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WorkerFates } from '../../../src/cluster/workerFates.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a worker whose link ended has died', async () => {
  const fates = new WorkerFates();
  fates.heard('a', { isDraining: false });
  fates.unlinked('a');
  expect(await fates.hasDied('a')).toBe(true);
  expect([fates.hasEnded('a'), fates.isLeaving('a')]).toEqual([true, false]);
});

it('a worker that was draining has stopped', async () => {
  const fates = new WorkerFates();
  fates.heard('a', { isDraining: true });
  expect([fates.hasEnded('a'), fates.isLeaving('a')]).toEqual([false, true]);
  fates.unlinked('a');
  expect(await fates.hasDied('a')).toBe(false);
  expect([fates.hasEnded('a'), fates.isLeaving('a')]).toEqual([true, true]);
});

it('an end that arrives a moment later is waited for', async () => {
  const fates = new WorkerFates(250);
  const both = Promise.all([fates.hasDied('a'), fates.hasDied('a')]);
  await vi.advanceTimersByTimeAsync(100);
  fates.unlinked('a');
  expect(await both).toEqual([true, true]);
  expect(vi.getTimerCount()).toBe(0);
});

it('a worker whose link stays is alive', async () => {
  const fates = new WorkerFates(250);
  fates.heard('a', { isDraining: false });
  const died = fates.hasDied('a');
  await vi.advanceTimersByTimeAsync(250);
  expect(await died).toBe(false);
});

it.each(['before', 'after'])(
  'a worker that was killed has died of nothing, known %s its link ends',
  async (order) => {
    const fates = new WorkerFates();
    fates.heard('a', { isDraining: false });
    if (order === 'after') fates.unlinked('a');
    fates.killed('a');
    if (order === 'before') fates.unlinked('a');
    expect([await fates.hasDied('a'), fates.hasEnded('a'), fates.wasKilled('a')]).toEqual([true, true, true]);
  },
);

it('who was draining has stopped, also when it is killed in the end', () => {
  const fates = new WorkerFates();
  fates.heard('a', { isDraining: true });
  fates.unlinked('a');
  fates.killed('a');
  expect([fates.wasKilled('a'), fates.isLeaving('a')]).toEqual([false, true]);
});

it('a worker that comes back had only lost its link', () => {
  const fates = new WorkerFates();
  fates.unlinked('a');
  fates.heard('a', { isDraining: false });
  expect(fates.hasEnded('a')).toBe(false);
});
