import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import { digestOf, parseKeyText } from '../../src/stores/keyText.js';
import { temporaryStores } from '../support/temporaryStores.js';

const stores = new URL('../../dist/stores/openStores.js', import.meta.url).href;

/** Makes, changes, rotates and revokes keys, and says each step when the store has taken it. */
const writer = `
  import { writeSync } from 'node:fs';
  import { openStores } from '${stores}';
  const [folder, settings] = process.argv.slice(1);
  const { keys } = openStores(folder);
  const say = (line) => writeSync(1, JSON.stringify(line) + '\\n');
  for (let count = 1; ; count++) {
    const { key: { id }, text } = keys.create(JSON.parse(settings));
    say({ id, text, weight: 1, state: 'active' });
    keys.update(id, { weight: count % 99 + 1 });
    say({ id, text, weight: count % 99 + 1, state: 'active' });
    const rotated = keys.rotate(id).text;
    say({ id, text: rotated, weight: count % 99 + 1, state: 'active' });
    keys.revoke(id);
    say({ id, text: rotated, weight: count % 99 + 1, state: 'revoked' });
  }
`;

interface Step {
  readonly id: string;
  readonly text: string;
  readonly weight: number;
  readonly state: string;
}

it('of the process that wrote them; at most one step more is there', async () => {
  const temporary = temporaryStores();
  const known = new Map<string, Step>();
  for (let round = 0; round < 5; round++) {
    const settings = JSON.stringify({ ...defaultKeySettings, name: 'x' });
    const args = ['--input-type=module', '-e', writer, temporary.folder, settings];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    // In the middle of the writes that follow, at another place each time.
    const fatal = 5 + Math.floor(Math.random() * 60);
    let steps = 0;
    let last = '';
    createInterface({ input: child.stdout }).on('line', (line) => {
      const step = JSON.parse(line) as Step;
      known.set(step.id, step);
      last = step.id;
      if (++steps === fatal) child.kill('SIGKILL');
    });
    await closed;
    expect(steps).toBeGreaterThanOrEqual(fatal);

    const { keys, close } = temporary.open();
    const stored = new Map(keys.stored().map(({ key, digest }) => [key.id, { key, digest }]));
    expect(stored.size - known.size).toBeLessThanOrEqual(round + 1);
    for (const [id, step] of known) {
      const found = stored.get(id);
      expect(found, id).toBeDefined();
      // The last one may be a step further than was said.
      if (id === last) known.delete(id);
      else {
        expect(found?.key).toMatchObject({ weight: step.weight, state: step.state });
        expect(found?.digest).toEqual(digestOf(parseKeyText(step.text)?.secret ?? ''));
      }
    }
    close();
  }
});
