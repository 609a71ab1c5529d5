import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiKey, defaultKeySettings, type ApiKeySettings } from '../../../src/protocol/apiKeys.js';
import { digestOf, parseKeyText } from '../../../src/stores/keyText.js';
import { openSharedStores } from '../../../src/stores/openStores.js';
import { temporaryStores } from '../../support/temporaryStores.js';

const settings: ApiKeySettings = { ...defaultKeySettings, name: 'team' };

/** The stores as two processes have them. */
function openTwice() {
  const temporary = temporaryStores();
  const { keys } = temporary.open();
  const other = openSharedStores(temporary.folder, { now: () => temporary.clock.seconds * 1000 });
  onTestFinished(() => other.close());
  return { ...temporary, keys, other: other.keys };
}

describe('a new key', () => {
  it('is what was asked for, with an id and a secret of 256 bits', () => {
    const { keys } = openTwice();
    const { key, text } = keys.create({ ...settings, models: ['m'], requestsPerMinute: 3 });
    expect(key).toEqual({
      ...settings,
      models: ['m'],
      requestsPerMinute: 3,
      id: expect.stringMatching(/^sk-[a-z0-9]{10}$/) as string,
      state: 'active',
      createdAt: '1970-01-12T13:46:40.000Z',
    });
    expect(ApiKey.parse(key)).toEqual(key);
    const { id, secret } = parseKeyText(text) ?? { id: '', secret: '' };
    expect(id).toBe(key.id);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(keys.create(settings).text).not.toBe(text);
  });

  it('leaves only a digest on the disk, in a file of its owner alone', () => {
    const { keys, folder } = openTwice();
    const { text } = keys.create(settings);
    const secret = parseKeyText(text)?.secret ?? '';
    expect(keys.stored().map(({ digest }) => digest)).toEqual([digestOf(secret)]);
    for (const name of ['store.db', 'store.db-wal']) {
      const file = path.join(folder, name);
      expect(readFileSync(file).includes(secret)).toBe(false);
      expect(readFileSync(file).includes(Buffer.from(secret, 'base64url'))).toBe(false);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    expect(statSync(folder).mode & 0o077).toBe(0);
  });

  it('is there for every process and after a restart, in the order in which they were made', () => {
    const { keys, other, open, folder } = openTwice();
    const made = ['a', 'b', 'c'].map((name, index) =>
      (index === 1 ? other : keys).create({ ...settings, name }),
    );
    expect(keys.list()).toEqual(made.map(({ key }) => key));
    expect(other.list()).toEqual(keys.list());
    expect(other.get(made[0]?.key.id ?? '')).toEqual(made[0]?.key);
    expect(() => open()).toThrow(folder);
  });
});

describe('a key that is changed', () => {
  it('has the new settings and keeps the others', () => {
    const { keys, other } = openTwice();
    const { key } = keys.create({ ...settings, weight: 2, tokensPerDay: 5 });
    const changed = { ...key, name: 'other', tokensPerDay: null, expiresAt: '2030-01-01T00:00:00.000Z' };
    expect(
      keys.update(key.id, { name: 'other', tokensPerDay: null, expiresAt: '2030-01-01T00:00:00.000Z' }),
    ).toEqual(changed);
    expect(other.get(key.id)).toEqual(changed);
  });

  it('that is rotated has another secret, and the same id and settings', () => {
    const { keys } = openTwice();
    const { key, text } = keys.create(settings);
    const rotated = keys.rotate(key.id);
    expect(rotated).toMatchObject({ key });
    const newText = typeof rotated === 'string' ? '' : rotated.text;
    expect(newText.slice(0, 14)).toBe(text.slice(0, 14));
    expect(newText).not.toBe(text);
    expect(keys.stored().map(({ digest }) => digest)).toEqual([
      digestOf(parseKeyText(newText)?.secret ?? ''),
    ]);
  });

  it('is disabled and enabled as often as one likes', () => {
    const { keys } = openTwice();
    const { key } = keys.create(settings);
    for (let times = 0; times < 2; times++) {
      expect(keys.disable(key.id)).toEqual({ ...key, state: 'disabled' });
      expect(keys.disable(key.id)).toEqual({ ...key, state: 'disabled' });
      expect(keys.enable(key.id)).toEqual(key);
    }
  });

  it('that is revoked stays so and stays listed', () => {
    const { keys } = openTwice();
    const { key } = keys.create(settings);
    const revoked = { ...key, state: 'revoked' };
    expect(keys.revoke(key.id)).toEqual(revoked);
    expect(keys.revoke(key.id)).toEqual(revoked);
    const attempts = [
      keys.enable(key.id),
      keys.disable(key.id),
      keys.rotate(key.id),
      keys.update(key.id, { name: 'x' }),
    ];
    expect(attempts).toEqual(attempts.map(() => 'revoked'));
    expect(keys.list()).toEqual([revoked]);
  });

  it('has to be there', () => {
    const { keys } = openTwice();
    for (const id of ['sk-0000000000', "' OR 1=1 --", '']) {
      expect(keys.get(id)).toBeUndefined();
      const attempts = [
        keys.enable(id),
        keys.disable(id),
        keys.rotate(id),
        keys.update(id, {}),
        keys.revoke(id),
      ];
      expect(attempts).toEqual(attempts.map(() => 'unknown'));
    }
  });
});

it('what another process writes is noticed once, what this one writes is not', () => {
  const { keys, other } = openTwice();
  expect(keys.hasChanged()).toBe(false);
  const { key } = keys.create(settings);
  expect(keys.hasChanged()).toBe(false);
  other.revoke(key.id);
  expect(keys.hasChanged()).toBe(true);
  expect(keys.hasChanged()).toBe(false);
});

it.each([
  '',
  'sk-abcdefghij',
  `sk-abcdefghij-${'A'.repeat(42)}`,
  `sk-abcdefghij-${'A'.repeat(44)}`,
  `sk-ABCDEFGHIJ-${'A'.repeat(43)}`,
  `sk-abcdefghij-${'A'.repeat(42)}+`,
  `sk-abcdefghij-${'A'.repeat(43)}\n`,
  ` sk-abcdefghij-${'A'.repeat(43)}`,
  `xx-abcdefghij-${'A'.repeat(43)}`,
])('%j is no text of a key', (text) => {
  expect(parseKeyText(text)).toBeUndefined();
});
