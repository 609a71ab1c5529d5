import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import { openSharedStores } from '../../src/stores/openStores.js';

const stores = new URL('../../dist/stores/openStores.js', import.meta.url).href;

/** Makes keys beside other processes that do the same in the same moment. */
const writer = `
  import { openSharedStores } from '${stores}';
  const [folder, name, settings] = process.argv.slice(1);
  const { keys, close } = openSharedStores(folder);
  for (let count = 0; count < 20; count++) {
    const { key } = keys.create({ ...JSON.parse(settings), name });
    keys.update(key.id, { weight: 2 });
  }
  close();
`;

it('from the first moment of a new folder on, and lose no change of each other', async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'ai-cluster-shared-')), 'controller');
  onTestFinished(() => rmSync(path.dirname(folder), { recursive: true }));

  const names = ['a', 'b', 'c', 'd'];
  const codes = await Promise.all(
    names.map(async (name) => {
      const args = ['--input-type=module', '-e', writer, folder, name, JSON.stringify(defaultKeySettings)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      const [code] = (await once(child, 'close')) as [number];
      return code;
    }),
  );
  expect(codes).toEqual(names.map(() => 0));
  const { keys, close } = openSharedStores(folder);
  onTestFinished(close);
  const made = keys.list();
  expect(made).toHaveLength(80);
  expect(made.every(({ weight }) => weight === 2)).toBe(true);
});
