import { expect, it } from 'vitest';
import { median, quantile } from '../../../bench/support/statistics.js';
import { temporaryStores } from '../../support/temporaryStores.js';

it('for each request, without a wait for the disk', () => {
  const { usage } = temporaryStores().open();
  const measure = (action: (key: string) => void) => {
    const times = Array.from({ length: 3_000 }, (_, index) => {
      const startedAt = performance.now();
      action(`sk-${String(index % 20).padStart(10, '0')}`);
      return (performance.now() - startedAt) * 1_000;
    });
    return { medianUs: Math.round(median(times)), p99Us: Math.round(quantile(times, 0.99)) };
  };
  const use = { model: 'm', isError: false, promptTokens: 100, cachedTokens: 10, completionTokens: 50 };
  const record = measure((key) => usage.record({ ...use, key }));
  const spent = measure((key) => void usage.spent(key));
  process.stdout.write(`usage: record ${JSON.stringify(record)}, spent ${JSON.stringify(spent)}\n`);
  // A sync takes milliseconds.
  expect(record.medianUs).toBeLessThan(500);
  expect(spent.medianUs).toBeLessThan(500);
  expect(usage.total({}).requests).toBe(3_000);
});
