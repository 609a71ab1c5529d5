import { expect, it } from 'vitest';
import { parseNvidiaGpus, startGpuSampler } from '../../../src/worker/gpuSampler.js';

it('a line for each card is read, and what a card does not say counts as nothing', () => {
  expect(parseNvidiaGpus('0, 1024, 37\n1, 2048, [N/A]\n')).toEqual([
    { id: '0', memoryUsedBytes: 1024 * 2 ** 20, utilization: 0.37 },
    { id: '1', memoryUsedBytes: 2048 * 2 ** 20, utilization: 0 },
  ]);
});

it('a machine without one is asked once, and tells nothing', async () => {
  let asked = 0;
  const sampler = startGpuSampler(() => {
    asked++;
    return Promise.reject(new Error('not found'));
  });
  await new Promise(setImmediate);
  expect([sampler.read(), asked]).toEqual([[], 1]);
  sampler.close();
});

it('what was said last is read', async () => {
  const load = { id: '0', memoryUsedBytes: 1, utilization: 0.5 };
  const sampler = startGpuSampler(() => Promise.resolve([load]));
  await new Promise(setImmediate);
  expect(sampler.read()).toEqual([load]);
  sampler.close();
});
