import { describe, expect, it, onTestFinished } from 'vitest';
import type { ControllerOptions } from '../../../src/controller/controllerOptions.js';
import { startController } from '../../../src/controller/startController.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { captureLog, testControllerOptions } from '../../support/testCluster.js';

async function start(options: Partial<ControllerOptions>) {
  const log = captureLog();
  const controller = await startController({ ...testControllerOptions, logger: log.logger, ...options });
  onTestFinished(() => controller.close());
  const lines = log.entries().map(({ message }) => String(message));
  return { isSaidToBeOpen: lines.filter((line) => line.includes('the endpoint is open')).length };
}

describe('a controller without keys', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1'])('does not listen on %s, and says what to do', async (host) => {
    await expect(start({ host })).rejects.toThrow(
      `whoever reaches ${host} could use the endpoint, because there are no API keys; make one with: ai-cluster keys create <name>`,
    );
  });

  it('listens there when one is made in the folder, which is free again', async () => {
    const { dataDir, create } = temporaryKeys();
    await expect(start({ host: '0.0.0.0', dataDir })).rejects.toThrow('there are no API keys');
    create();
    expect(await start({ host: '0.0.0.0', dataDir })).toEqual({ isSaidToBeOpen: 0 });
  });

  it.each(['127.0.0.1', '127.0.0.2', 'localhost'])(
    'listens on %s, and says once that it is open',
    async (host) => {
      expect(await start({ host })).toEqual({ isSaidToBeOpen: 1 });
    },
  );
});

it('one whose last key was revoked is not open', async () => {
  const { dataDir, create, store } = temporaryKeys();
  store.revoke(create().key.id);
  expect(await start({ dataDir, host: '0.0.0.0' })).toEqual({ isSaidToBeOpen: 0 });
});
