import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { keyPollMs, startKeyRing } from '../../../../src/controller/keys/keyRing.js';
import { toPrincipal } from '../../../../src/controller/keys/toPrincipal.js';
import { defaultKeySettings, type ApiKey, type ApiKeySettings } from '../../../../src/protocol/apiKeys.js';
import type { KeyStore } from '../../../../src/stores/keyStore.js';
import { openSharedStores } from '../../../../src/stores/openStores.js';
import { temporaryStores } from '../../../support/temporaryStores.js';

/** A ring over the store of one process, and the store as another one has it. */
function startRing(through: (store: KeyStore) => KeyStore = (store) => store) {
  vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) });
  const { open, folder } = temporaryStores();
  const { keys: own } = open();
  const { keys: other, close } = openSharedStores(folder);
  const told: string[] = [];
  const ring = startKeyRing({
    store: through(own),
    events: {
      keyAdded: (id) => told.push(`added ${id}`),
      keyRevoked: (id) => told.push(`revoked ${id}`),
      keysUnreadable: (error) => told.push(String(error)),
    },
  });
  onTestFinished(() => {
    ring.close();
    close();
    vi.useRealTimers();
  });
  const create = (store: KeyStore, settings: Partial<ApiKeySettings> = {}) =>
    store.create({ ...defaultKeySettings, name: 'test', ...settings });
  return { ring, own, other, told, create };
}

it('a change by another process counts after a quarter of a second, one by this process when it says so', () => {
  const { ring, own, other, told, create } = startRing();
  const { key, text } = create(other);
  expect(ring.isOpen()).toBe(true);
  vi.advanceTimersByTime(keyPollMs);
  expect(ring.isOpen()).toBe(false);
  expect(ring.verify(text)).toEqual({ result: 'ok', key });

  other.disable(key.id);
  vi.advanceTimersByTime(keyPollMs);
  expect(ring.verify(text)).toMatchObject({ result: 'disabled', key: { id: key.id } });
  own.enable(key.id);
  ring.reload();
  expect(ring.verify(text)).toEqual({ result: 'ok', key });

  other.revoke(key.id);
  vi.advanceTimersByTime(keyPollMs);
  expect(ring.verify(text)).toMatchObject({ result: 'revoked' });
  expect(ring.find(key.id)).toMatchObject({ result: 'revoked' });
  expect(ring.isOpen()).toBe(false);
  expect(told).toEqual([`added ${key.id}`, `revoked ${key.id}`]);
});

it('a rotated key has its new text and not its old one', () => {
  const { ring, own, create } = startRing();
  const { key, text } = create(own);
  const rotated = own.rotate(key.id);
  ring.reload();
  expect(ring.verify(text)).toEqual({ result: 'invalid' });
  expect(ring.verify(typeof rotated === 'string' ? '' : rotated.text)).toEqual({ result: 'ok', key });
});

it('an expiry is a date of the clock on the wall, and may be moved', () => {
  const { ring, own, create } = startRing();
  const { key, text } = create(own, { expiresAt: '2030-01-01T00:00:10Z' });
  ring.reload();
  vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 9, 999));
  expect(ring.verify(text)).toEqual({ result: 'ok', key });
  vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 10));
  expect(ring.verify(text)).toEqual({ result: 'expired', key });
  vi.setSystemTime(Date.UTC(2029, 0, 1));
  expect(ring.verify(text)).toEqual({ result: 'ok', key });
  vi.setSystemTime(Date.UTC(2031, 0, 1));
  own.update(key.id, { expiresAt: null });
  ring.reload();
  expect(ring.verify(text)).toMatchObject({ result: 'ok' });
});

it('a wrong secret says nothing of the key: not that it is there, and not that it is revoked', () => {
  const { ring, own, create } = startRing();
  const [good, revoked] = [create(own), create(own)];
  own.revoke(revoked.key.id);
  ring.reload();
  for (const { text } of [good, revoked]) {
    const last = text.at(-1) === 'A' ? 'B' : 'A';
    for (const wrong of [text.slice(0, -1) + last, text.slice(0, -1), `${text}A`, text.toUpperCase()]) {
      expect(ring.verify(wrong)).toEqual({ result: 'invalid' });
    }
  }
  const swapped = good.key.id + revoked.text.slice(good.key.id.length);
  for (const wrong of [swapped, '', 'sk-', 'sk-0000000000-', '__proto__', 'constructor']) {
    expect(ring.verify(wrong)).toEqual({ result: 'invalid' });
  }
});

it('what cannot be read is said once, the keys of before go on to work, and a change is not missed', () => {
  let isBroken = false;
  const { ring, own, other, told, create } = startRing((store) => ({
    ...store,
    stored: () => {
      if (isBroken) throw new Error('EIO');
      return store.stored();
    },
  }));
  const { key, text } = create(own);
  ring.reload();
  isBroken = true;
  other.revoke(key.id);
  vi.advanceTimersByTime(4 * keyPollMs);
  expect(ring.verify(text)).toMatchObject({ result: 'ok' });
  isBroken = false;
  vi.advanceTimersByTime(keyPollMs);
  expect(ring.verify(text)).toMatchObject({ result: 'revoked' });
  expect(told).toEqual([`added ${key.id}`, 'Error: EIO', `revoked ${key.id}`]);
});

describe('a principal', () => {
  const key: ApiKey = {
    ...defaultKeySettings,
    name: 'n',
    id: 'sk-abcdefghij',
    state: 'active',
    createdAt: '',
  };
  it.each([
    [{}, { priority: 0, cacheNamespace: 'sk-abcdefghij', weight: 1 }],
    [
      { priority: 'batch', weight: 0.5 },
      { priority: -1, weight: 0.5 },
    ],
    [{ priority: 'interactive' }, { priority: 1 }],
    [{ cacheSharing: 'all' }, { cacheNamespace: 'shared' }],
  ] as const)('with %j is %j', (settings, expected) => {
    expect(toPrincipal({ ...key, ...settings })).toMatchObject({ keyId: 'sk-abcdefghij', ...expected });
  });
});
