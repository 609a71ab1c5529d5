import { Client } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import winston from 'winston';
import { startController } from '../../../src/controller/startController.js';
import { leastT, measureT, wrongTexts } from '../../support/keyTiming.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { testControllerOptions } from '../../support/testCluster.js';

it('whether the id of a key is right or not', async () => {
  const { dataDir, create } = temporaryKeys();
  const ids = Array.from({ length: 64 }, () => create().key.id);
  const logger = winston.createLogger({ silent: true });
  const controller = await startController({ ...testControllerOptions, dataDir, logger });
  const client = new Client(controller.url);
  onTestFinished(async () => {
    await client.close();
    await controller.close();
  });
  const attempt = async (text: string) => {
    const headers = { authorization: `Bearer ${text}` };
    const { statusCode, body } = await client.request({ method: 'GET', path: '/v1/models', headers });
    await body.dump();
    if (statusCode !== 401) throw new Error(`answered ${statusCode}`);
  };
  const texts = wrongTexts(ids);
  expect(await leastT(4, 4.5, () => measureT(texts, 10_000, attempt))).toBeLessThan(4.5);
}, 180_000);
