import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { BucketTally } from '../../../src/observability/metrics/bucketTally.js';
import { histogram } from '../../../src/observability/metrics/metricSpec.js';
import { TallyHistogram } from '../../../src/observability/metrics/tallyHistogram.js';

const bounds = [0.01, 0.1, 1];
const spec = histogram({
  name: 'ai_cluster_gap_seconds',
  help: 'A gap',
  unit: 'seconds',
  advice: 'None.',
  labels: ['model', 'node_id'],
  buckets: bounds,
});

it('many observations at once give what one by one gives in prom-client', async () => {
  const value = fc.constantFrom(0, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 7);
  const stream = fc.record({
    labels: fc.record({ model: fc.constantFrom('m', 'x'), node_id: fc.constantFrom('a', 'b') }),
    gaps: fc.array(fc.record({ value, times: fc.integer({ min: 1, max: 4 }) })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(stream), async (streams) => {
      const expected = new Histogram({
        ...{ name: spec.name, help: spec.help, labelNames: [...spec.labels] },
        ...{ buckets: bounds, registers: [] },
      });
      const actual = new TallyHistogram(spec);
      for (const { labels, gaps } of streams) {
        const tally = new BucketTally(bounds);
        for (const gap of gaps) {
          tally.add(gap.value, gap.times);
          for (let time = 0; time < gap.times; time++) expected.observe(labels, gap.value);
        }
        if (gaps.length > 0) actual.add(labels, tally);
      }
      const read = async (metric: unknown) => {
        const registry = new Registry();
        registry.registerMetric(metric as Histogram);
        return (await registry.getSingleMetricAsString(spec.name)).split('\n').map(normalize).sort();
      };
      expect(await read(actual)).toEqual(await read(expected));
    }),
  );
});

/** Labels in one order, and sums without what adding in another order makes of them. */
function normalize(line: string): string {
  const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
  if (name === '') return line;
  const sorted = labels.split(',').sort().join(',');
  return `${name}{${sorted}} ${name.endsWith('_sum') ? Number(value).toFixed(6) : value}`;
}
