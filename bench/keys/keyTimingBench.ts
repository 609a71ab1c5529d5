import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'undici';
import winston from 'winston';
import { startController } from '../../src/controller/startController.js';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { testAdminToken } from '../../tests/support/adminToken.js';
import { testClusterToken } from '../../tests/support/clusterToken.js';
import { createTimedKeys, measureT, wrongTexts } from '../../tests/support/keyTiming.js';
import { toTable } from '../support/table.js';

/**
 * Whether the time of a refusal tells that the id of a key was right: Welch's t of wrong secrets with a right id against
 * wrong ids. Below 4.5 there is nothing to see. `npm run bench:keys -- [--rounds <count>] [--samples <count>]`.
 */
const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    samples: { type: 'string', default: '10000' },
  },
});
const samples = Number(flags.samples);
const keyCount = 256;

const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-key-timing-'));
const { keys: store, close } = openSharedStores(folder);
const ids = Array.from({ length: keyCount }, () => store.create({ ...defaultKeySettings, name: 'x' }).key.id);
close();
const controller = await startController({
  host: '127.0.0.1',
  port: 0,
  models: [],
  nodeIds: [],
  queueLimit: 16,
  queueTimeoutMs: 1_000,
  drainTimeoutMs: 0,
  dataDir: folder,
  clusterToken: testClusterToken,
  adminToken: testAdminToken,
  version: 'bench',
  logger: winston.createLogger({ silent: true }),
});
const client = new Client(controller.url);
const overSocket = async (text: string) => {
  const headers = { authorization: `Bearer ${text}` };
  const { body } = await client.request({ method: 'GET', path: '/v1/models', headers });
  await body.dump();
};

const inProcess = createTimedKeys(keyCount);
const texts = wrongTexts(ids);
const rows = [];
for (let round = 1; round <= Number(flags.rounds); round++) {
  const ring = await measureT(inProcess, samples, (text) => void inProcess.ring.verify(text));
  const socket = await measureT(texts, samples, overSocket);
  rows.push({ round: `${round}`, 't in process': ring.toFixed(2), 't over a socket': socket.toFixed(2) });
}
console.log(toTable(rows));
inProcess.ring.close();
await client.close();
await controller.close();
rmSync(folder, { recursive: true });
