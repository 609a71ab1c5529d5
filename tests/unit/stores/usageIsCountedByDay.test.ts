import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Use } from '../../../src/stores/usageStore.js';
import { temporaryStores } from '../../support/temporaryStores.js';

const useOf = (use: Partial<Use> = {}): Use => ({
  key: 'sk-aaaaaaaaaa',
  model: 'm1',
  isError: false,
  promptTokens: 10,
  cachedTokens: 4,
  completionTokens: 5,
  ...use,
});

function openUsage(date: string) {
  const temporary = temporaryStores();
  const at = (text: string) => void (temporary.clock.seconds = Date.parse(text) / 1000);
  at(date);
  return { ...temporary, at, usage: temporary.open().usage };
}

describe('usage', () => {
  it('is the sum of what was recorded, however it is told apart', () => {
    const use = fc.record({
      key: fc.constantFrom('sk-aaaaaaaaaa', 'sk-bbbbbbbbbb', 'anonymous'),
      model: fc.constantFrom('m1', 'm2', 'unknown'),
      isError: fc.boolean(),
      promptTokens: fc.nat(1_000),
      cachedTokens: fc.nat(1_000),
      completionTokens: fc.nat(1_000),
      afterHours: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(use, { minLength: 1, maxLength: 40 }), (uses) => {
        const { usage, clock } = openUsage('2026-08-30T22:00:00Z');
        for (const { afterHours, ...one } of uses) {
          clock.seconds += afterHours * 3600;
          usage.record(one);
        }
        const sum = (of: (one: Use) => number) => uses.reduce((total, one) => total + of(one), 0);
        const expected = {
          requests: uses.length,
          errors: sum(({ isError }) => Number(isError)),
          promptTokens: sum(({ promptTokens }) => promptTokens),
          cachedTokens: sum(({ cachedTokens }) => cachedTokens),
          completionTokens: sum(({ completionTokens }) => completionTokens),
        };
        expect(usage.total({})).toEqual(expected);
        const rows = usage.rows({ by: ['key', 'model'] });
        expect(rows).toHaveLength(new Set(uses.map(({ key, model }) => `${key} ${model}`)).size);
        for (const { key, model, requests } of rows) {
          expect(requests).toBe(uses.filter((one) => one.key === key && one.model === model).length);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('belongs to the day of UTC in which a request ended', () => {
    const { usage, at } = openUsage('2026-08-31T23:59:59.999Z');
    usage.record(useOf());
    at('2026-09-01T00:00:00Z');
    usage.record(useOf({ isError: true }));
    usage.record(useOf({ model: 'm2' }));
    const counts = { promptTokens: 10, cachedTokens: 4, completionTokens: 5 };
    const key = 'sk-aaaaaaaaaa';
    expect(usage.rows({ by: ['day', 'key', 'model'] })).toEqual([
      { day: '2026-08-31', key, model: 'm1', requests: 1, errors: 0, ...counts },
      { day: '2026-09-01', key, model: 'm1', requests: 1, errors: 1, ...counts },
      { day: '2026-09-01', key, model: 'm2', requests: 1, errors: 0, ...counts },
    ]);
    expect(usage.rows({ by: ['model'], from: '2026-09-01' })).toHaveLength(2);
    expect(usage.rows({ by: ['day'], to: '2026-08-31' })).toHaveLength(1);
    expect(usage.rows({ by: ['key'], key: 'sk-bbbbbbbbbb' })).toEqual([]);
    expect(usage.total({ key, model: 'm1' }).requests).toBe(2);
    expect(usage.total({ model: 'none' }).requests).toBe(0);
  });

  it('of a budget begins anew with its day and its month', () => {
    const { usage, at } = openUsage('2026-08-30T12:00:00Z');
    const key = 'sk-aaaaaaaaaa';
    expect(usage.spent(key)).toEqual({ day: 0, month: 0 });
    usage.record(useOf());
    usage.record(useOf({ key: 'sk-bbbbbbbbbb' }));
    at('2026-08-31T12:00:00Z');
    usage.record(useOf({ promptTokens: 100, completionTokens: 0 }));
    expect(usage.spent(key)).toEqual({ day: 100, month: 115 });
    at('2026-09-01T00:00:00Z');
    expect(usage.spent(key)).toEqual({ day: 0, month: 0 });
    at('2026-08-30T13:00:00Z');
    expect(usage.spent(key)).toEqual({ day: 15, month: 115 });
  });
});
