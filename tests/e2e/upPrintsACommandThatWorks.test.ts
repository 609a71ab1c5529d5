import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { startUp } from '../support/upProcess.js';

it('for what its model does, and with a key where one is asked for', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-command-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dataDir = path.join(folder, 'data');
  const stores = openSharedStores(path.join(dataDir, 'controller'));
  const { text: key } = stores.keys.create({ ...defaultKeySettings, name: 'somebody' });
  stores.close();

  const folders = ['--data-dir', dataDir, '--models-dir', path.join(folder, 'models')];
  const up = await startUp({ args: ['--model', 'tiny-embedding', '--workers', '1', ...folders] });
  onTestFinished(() => up.cleanUp());
  expect(up.output()).toContain('Keys      asked for');
  const command = /curl http[\s\S]*?; echo/.exec(up.output())?.[0] ?? '';
  const ask = async (apiKey: string) => {
    const env = { ...process.env, OPENAI_API_KEY: apiKey };
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { env });
    return JSON.parse(stdout) as { data?: { embedding: number[] }[]; error?: { code: string } };
  };
  expect((await ask(key)).data?.[0]?.embedding.length).toBeGreaterThan(1);
  expect((await ask('sk-none')).error?.code).toBe('invalid_api_key');
});
