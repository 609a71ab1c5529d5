import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { storeInput, temporaryStores } from '../support/temporaryStores.js';

const stores = new URL('../../dist/stores/openStores.js', import.meta.url).href;

/** Records lines of a batch one after another, and says each when the store has taken it. */
const writer = `
  import { writeSync } from 'node:fs';
  import { openStores } from '${stores}';
  const [folder, id, from] = process.argv.slice(1);
  const { batches } = openStores(folder);
  for (let line = Number(from); ; line++) {
    const kind = line % 3 === 0 ? 'error' : 'output';
    await batches.record(id, [{ line, kind, text: JSON.stringify({ line, padding: 'x'.repeat(line % 5000) }) }]);
    writeSync(1, line + '\\n');
  }
`;

it('of the process that wrote them, and the counts fit what is there', async () => {
  const temporary = temporaryStores();
  const first = temporary.open();
  const { id } = first.batches.create({
    endpoint: '/v1/completions',
    inputFileId: await storeInput(first, ''),
    metadata: null,
    windowSeconds: 86_400,
    outputLifetimeSeconds: 3600,
    principal: { keyId: 'k', weight: 1, priority: 0, cacheNamespace: 'k' },
  });
  first.batches.begin(id, 1_000_000);
  first.close();

  let acknowledged = 0;
  for (let round = 0; round < 5; round++) {
    const args = ['--input-type=module', '-e', writer, temporary.folder, id, String(acknowledged + 1)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    // In the middle of the writes that follow, at another place each time.
    const fatal = acknowledged + 5 + Math.floor(Math.random() * 40);
    createInterface({ input: child.stdout }).on('line', (line) => {
      acknowledged = Number(line);
      if (acknowledged === fatal) child.kill('SIGKILL');
    });
    await closed;
    expect(acknowledged).toBeGreaterThanOrEqual(fatal);

    const { batches, ...opened } = temporary.open();
    const finished = batches.finishedLines(id);
    for (let line = 1; line <= acknowledged; line++) expect(finished.has(line)).toBe(true);
    // One line may be in the store whose word did not come through; it is not written twice.
    expect(finished.size).toBeLessThanOrEqual(acknowledged + 1);
    const results = [...batches.results(id, 'output'), ...batches.results(id, 'error')];
    expect(new Set(results.map((text) => (JSON.parse(text) as { line: number }).line))).toEqual(finished);
    const { completed = 0, failed = 0 } = batches.get(id)?.request_counts ?? {};
    expect(completed + failed).toBe(finished.size);
    expect(failed).toBe([...finished].filter((line) => line % 3 === 0).length);
    opened.close();
  }
});
