import { expect, it, onTestFinished, vi } from 'vitest';
import { housekeepingMs, createBatches } from '../../../../src/controller/batches/createBatches.js';
import { anonymousPrincipal } from '../../../../src/protocol/generateRequest.js';
import { eventually } from '../../../support/eventually.js';
import { streamOf, temporaryStores } from '../../../support/temporaryStores.js';

it('on a timer, but the input of a batch not before the batch has ended', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const temporary = temporaryStores();
  const stores = temporary.open();
  const { files, batches } = stores;
  const add = async (lifetimeSeconds: number | null) => {
    const staged = await files.stage(streamOf('{}\n'));
    return files.add(staged, { owner: 'k', filename: 'a', purpose: 'batch', lifetimeSeconds }).id;
  };
  const [short, input, lasting] = [await add(3600), await add(3600), await add(null)];
  const { id } = batches.create({
    endpoint: '/v1/completions',
    inputFileId: input,
    metadata: null,
    windowSeconds: 86_400,
    outputLifetimeSeconds: 3600,
    principal: anonymousPrincipal,
  });
  const started = createBatches({
    stores,
    endpoints: {},
    models: { ids: () => [], kindOf: () => undefined },
    keys: { find: () => undefined },
    openAccount: () => {
      throw new Error('no line runs');
    },
    slotsOf: () => 1,
    hasWorkers: () => false,
    events: {
      batchLineFinished: () => undefined,
      batchStatusChanged: () => undefined,
      batchStepFailed: () => undefined,
    },
    now: () => temporary.clock.seconds * 1000,
  });
  onTestFinished(() => started.close());
  const left = () => files.list({ owner: 'k', order: 'asc', limit: 10 }).map((file) => file.id);

  started.resume();
  temporary.clock.seconds += 3599;
  vi.advanceTimersByTime(housekeepingMs);
  expect(left()).toEqual([short, input, lasting]);
  temporary.clock.seconds += 1;
  vi.advanceTimersByTime(housekeepingMs);
  expect(left()).toEqual([input, lasting]);

  // The same timer ends a batch whose day is over, after which nobody needs its input.
  temporary.clock.seconds += 86_400;
  vi.advanceTimersByTime(housekeepingMs);
  await eventually(() => expect(batches.get(id)?.status).toBe('expired'));
  vi.advanceTimersByTime(housekeepingMs);
  expect(left()).toEqual([lasting]);
});
