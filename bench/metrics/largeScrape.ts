import { gzipSync } from 'node:zlib';
import { BucketTally } from '../../src/observability/metrics/bucketTally.js';
import { createControllerMetrics, initializeKey } from '../../src/observability/metrics/controllerMetrics.js';
import { buckets } from '../../src/observability/metrics/metricSpec.js';
import { median } from '../support/statistics.js';
import { formatNumber } from '../support/table.js';
import { modelGauges, nodeGauges } from '../../tests/support/testMetrics.js';

const nodeIds = Array.from({ length: 20 }, (_, index) => `worker_${index + 1}`);
const models = Array.from({ length: 10 }, (_, index) => `model-${index + 1}`);
const keyIds = Array.from({ length: 500 }, (_, index) => `key_${index + 1}`);
const scrapes = 20;

/** A scrape of 200 (model, node) pairs and 500 keys, with something in every histogram. */
export async function measureLargeScrape(): Promise<Record<string, string>[]> {
  const loaded = models.map((id) => modelGauges({ id }));
  const metrics = createControllerMetrics({
    models,
    nodeIds,
    keyIds,
    facts: { version: '0.0.0' },
    readCluster: () => ({
      nodes: nodeIds.map((id) => nodeGauges({ id, models: loaded })),
      wantedNodes: nodeIds.length,
      queue: models.map((model) => ({ model, waiting: 1, batch: 0 })),
      queueLimit: 512,
      retryBudget: 1,
    }),
  });
  const gaps = new BucketTally(buckets.betweenTokens);
  gaps.add(0.02, 50);
  for (const keyId of keyIds) initializeKey(metrics, keyId);
  for (const model of models) {
    for (const node_id of nodeIds) {
      for (const histogram of [
        metrics.inferenceDuration,
        metrics.timeToFirstToken,
        metrics.prefillDuration,
        metrics.decodeDuration,
      ])
        histogram.observe({ model, node_id }, Math.random());
      metrics.interTokenLatency.add({ model, node_id }, gaps);
    }
  }

  const blocks: number[] = [];
  const times: number[] = [];
  let text = '';
  for (let index = 0; index < scrapes; index++) {
    const watch = watchEventLoop();
    const startedAt = performance.now();
    text = await metrics.registry.text();
    times.push(performance.now() - startedAt);
    blocks.push(watch.stop());
  }
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  return [
    { figure: 'lines', value: String(lines) },
    {
      figure: 'size',
      value: `${formatNumber(text.length / 1024)} KiB, ${formatNumber(gzipSync(text).length / 1024)} KiB compressed`,
    },
    { figure: 'time of a scrape', value: `${formatNumber(median(times))} ms` },
    {
      figure: 'event loop blocked for, at most, median of the scrapes',
      value: `${formatNumber(median(blocks))} ms`,
    },
    {
      figure: 'event loop blocked for, at most, worst scrape',
      value: `${formatNumber(Math.max(...blocks))} ms`,
    },
  ];
}

/** The longest time between two turns of the event loop. */
function watchEventLoop(): { stop(): number } {
  let longest = 0;
  let lastAt = performance.now();
  let isOpen = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - lastAt);
    lastAt = now;
    if (isOpen) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      isOpen = false;
      return Math.max(longest, performance.now() - lastAt);
    },
  };
}
