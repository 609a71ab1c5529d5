import { timingSafeEqual } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { digestOf, parseKeyText } from '../../../../src/stores/keyText.js';
import { createTimedKeys, leastT, measureT, wrongTexts } from '../../../support/keyTiming.js';

const samples = 10_000;
const limit = 4.5;
const rounds = 10;

it('whether the id of a key is right or not', async () => {
  const keys = createTimedKeys();
  onTestFinished(() => keys.ring.close());
  const attempt = (text: string) => void keys.ring.verify(text);
  await measureT(keys, samples, attempt);
  expect(await leastT(rounds, limit, () => measureT(keys, samples, attempt))).toBeLessThan(limit);
}, 60_000);

it('which this measure would notice: here only a key that is there is compared', async () => {
  const ids = createTimedKeys();
  onTestFinished(() => ids.ring.close());
  const known = new Set(ids.goodPrefix.map((text) => text.slice(0, 13)));
  const digest = digestOf('');
  const attempt = (text: string) => {
    const { id = '', secret = '' } = parseKeyText(text) ?? {};
    if (known.has(id)) timingSafeEqual(digestOf(secret), digest);
  };
  const texts = wrongTexts([...known]);
  expect(await leastT(rounds, limit, () => measureT(texts, samples, attempt))).toBeGreaterThan(limit);
}, 60_000);
