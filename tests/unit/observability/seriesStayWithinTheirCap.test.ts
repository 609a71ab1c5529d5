import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counter, histogram } from '../../../src/observability/metrics/metricSpec.js';
import { MetricsRegistry, sampled } from '../../../src/observability/metrics/metricsRegistry.js';
import { gauge } from '../../../src/observability/metrics/metricSpec.js';
import { parseMetrics, samplesOf, sumOf } from '../../support/metricsText.js';

const text = { help: 'What it is', unit: 'things', advice: 'Nothing.' };
const specs = {
  seen: counter({ ...text, name: 'ai_cluster_seen_total', labels: ['node_id', 'kind'] }),
  took: histogram({ ...text, name: 'ai_cluster_took_seconds', labels: ['node_id'], buckets: [1, 2] }),
};
const level = gauge({ ...text, name: 'ai_cluster_level', labels: ['node_id'] });

/** Lines of ours: those of the process come on top. */
const linesOf = (scraped: string) =>
  parseMetrics(scraped).filter(({ name }) => name.startsWith('ai_cluster_')).length;

describe('a process with a cap', () => {
  it('never tells more lines, whatever there is to tell, and says what it dropped', async () => {
    const label = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c', 'd') });
    const call = fc.record({ node: label, kind: label, isForgotten: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 400 }), async (calls) => {
        const registry = new MetricsRegistry('ai_cluster', { maxSeries: 60 });
        const { seen, took } = registry.families(specs);
        let nodes: string[] = [];
        registry.collect({
          name: 'levels',
          read: () => nodes,
          gauges: [sampled(level, (ids: string[]) => ids.map((node_id) => [{ node_id }, 1]))],
        });
        for (const { node, kind, isForgotten } of calls) {
          seen.inc({ node_id: node, kind });
          took.observe({ node_id: node }, 1.5);
          nodes = [...new Set([...nodes, node])];
          if (isForgotten) registry.forget('node_id', node);
        }
        const scraped = await registry.text();
        expect(linesOf(scraped)).toBeLessThanOrEqual(60);
        const told =
          sumOf(scraped, 'ai_cluster_seen_total') + sumOf(scraped, 'ai_cluster_took_seconds_count');
        const dropped = sumOf(scraped, 'ai_cluster_metrics_dropped_series_total');
        const hasForgotten = calls.some(({ isForgotten }) => isForgotten);
        if (!hasForgotten && nodes.length === 0) expect(told + dropped).toBe(2 * calls.length);
        if (dropped === 0 && !hasForgotten) expect(told).toBe(2 * calls.length);
      }),
      { numRuns: 50 },
    );
  });

  it('has room again when something is forgotten', async () => {
    const registry = new MetricsRegistry('ai_cluster', { maxSeries: 20 });
    const { seen } = registry.families(specs);
    for (let index = 0; index < 100; index++) seen.inc({ node_id: 'a', kind: `${index}` });
    seen.inc({ node_id: 'b', kind: 'late' });
    expect(samplesOf(await registry.text(), 'ai_cluster_seen_total')).not.toHaveProperty(
      'node_id=b,kind=late',
    );
    registry.forget('node_id', 'a');
    seen.inc({ node_id: 'b', kind: 'late' });
    expect(samplesOf(await registry.text(), 'ai_cluster_seen_total')).toEqual({ 'node_id=b,kind=late': 1 });
  });

  it('says how many lines each family has, and how many there may be', async () => {
    const registry = new MetricsRegistry('ai_cluster', { maxSeries: 1_234 });
    const { seen, took } = registry.families(specs);
    seen.inc({ node_id: 'a', kind: 'x' });
    seen.inc({ node_id: 'a', kind: 'y' });
    took.observe({ node_id: 'a' }, 1);
    const scraped = await registry.text();
    const lines = samplesOf(scraped, 'ai_cluster_metrics_series');
    expect(lines).toMatchObject({ 'family=ai_cluster_seen_total': 2, 'family=ai_cluster_took_seconds': 5 });
    expect(samplesOf(scraped, 'ai_cluster_metrics_series_limit')).toEqual({ '': 1_234 });
  });
});

describe('a registry', () => {
  it('tells only what is asked for', async () => {
    const shown = { include: ['ai_cluster_*'], exclude: ['ai_cluster_took*', 'ai_cluster_metrics_*'] };
    const registry = new MetricsRegistry('ai_cluster', { shown });
    const { seen, took } = registry.families(specs);
    seen.inc({ node_id: 'a', kind: 'x' });
    took.observe({ node_id: 'a' }, 1);
    const names = new Set(parseMetrics(await registry.text()).map(({ name }) => name));
    expect([...names]).toEqual(['ai_cluster_seen_total']);
  });

  it('that is switched off counts nothing', async () => {
    const registry = new MetricsRegistry('ai_cluster', { isEnabled: false });
    const { seen, took } = registry.families(specs);
    seen.inc({ node_id: 'a', kind: 'x' });
    took.observe({ node_id: 'a' }, 1);
    const told = parseMetrics(await registry.text()).map(({ name, value }) => [name, value]);
    // What has no labels is there with nothing in it.
    expect(told).toEqual([
      ['ai_cluster_metrics_dropped_series_total', 0],
      ['ai_cluster_metrics_series_limit', 0],
    ]);
  });

  it('lets others run between the pieces of a large scrape', async () => {
    const registry = new MetricsRegistry('ai_cluster');
    const { took } = registry.families(specs);
    for (let index = 0; index < 2_000; index++) took.observe({ node_id: `n${index}` }, 1);
    let turns = 0;
    let isReading = true;
    const turn = () => {
      turns++;
      if (isReading) setImmediate(turn);
    };
    setImmediate(turn);
    const scraped = await registry.text();
    isReading = false;
    // 10,000 lines, 200 at once.
    expect(turns).toBeGreaterThanOrEqual(45);
    expect(sumOf(scraped, 'ai_cluster_took_seconds_count')).toBe(2_000);
    expect(scraped.match(/# TYPE ai_cluster_took_seconds /g)).toHaveLength(1);
  });
});
