import { expect, it } from 'vitest';
import { toRequest } from '../../support/generate.js';
import { startTinyWorker } from '../../support/tinyWorker.js';

it('requests that are still running when a worker has to stop are told to go on elsewhere', async () => {
  const worker = await startTinyWorker();
  const events: string[] = [];
  let closed: Promise<void> | undefined;
  for await (const event of worker.generate(toRequest('a long story', { ignoreEos: true }))) {
    events.push(event.type === 'error' ? `${event.code} ${event.retryable}` : event.type);
    if (event.type === 'output') closed ??= worker.close();
  }
  await closed;

  expect(events[0]).toBe('accepted');
  expect(events.at(-1)).toBe('draining true');
});
