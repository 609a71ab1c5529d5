import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readProcessMemory } from '../../bench/support/procfs.js';
import { median, quantile } from '../../bench/support/statistics.js';
import { atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';

interface Sample {
  readonly hours: number;
  readonly mebibytes: number;
  readonly descriptors: number;
}

/** Compiled code and grown heaps settle in this part of the time. */
const warmUpShare = 1 / 3;

/** reliability.md 5, row 16. */
export const soak: Scenario = {
  name: 'soak',
  fault: 'nothing but time: load at 70 %',
  async run({ form, say }) {
    const minutes = form === 'long' ? 60 : 1;
    const cluster = await startChaosCluster({ workers: 3, slots: 10 });
    const ledger = new Ledger(cluster.url);
    const { pid } = cluster.controller();
    const samples: Sample[] = [];
    try {
      const load = keepLoad(ledger, { streams: 21, tokens: 50, paceMs: 20 });
      const startedAt = performance.now();
      const hours = () => (performance.now() - startedAt) / 3_600_000;
      while (hours() < minutes / 60) {
        await delay(1_000);
        samples.push({
          hours: hours(),
          mebibytes: readProcessMemory(pid).anonymousBytes / 2 ** 20,
          descriptors: readdirSync(`/proc/${pid}/fd`).length,
        });
        if (samples.length % 60 === 0)
          say(`minute ${samples.length / 60}, ${ledger.entries.length} requests`);
      }
      await load.stop();
      const observed = samples.slice(Math.floor(samples.length * warmUpShare));
      const half = Math.floor(ledger.entries.length / 2);
      const p99 = (from: number, to: number) =>
        quantile(
          ledger.entries.slice(from, to).map(({ wholeMs }) => wholeMs),
          0.99,
        );
      const most = Math.max(...observed.map(({ descriptors }) => descriptors));
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        // A slope an hour means something only after one.
        ...(form === 'long' ? [atMost('memory grew by, an hour', theilSen(observed), 1, 'MiB')] : []),
        atMost(
          'file descriptors above their median',
          most - median(observed.map(({ descriptors }) => descriptors)),
          5,
        ),
        atMost(
          'p99 of the second half over that of the first',
          p99(half, Infinity) / p99(0, half),
          1.05,
          '×',
        ),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};

/** The median slope between all pairs: single outliers do not move it. */
function theilSen(samples: readonly Sample[]): number {
  const thinned = samples.filter((_, index) => index % Math.ceil(samples.length / 500) === 0);
  const slopes: number[] = [];
  for (const [index, a] of thinned.entries()) {
    for (const b of thinned.slice(index + 1)) slopes.push((b.mebibytes - a.mebibytes) / (b.hours - a.hours));
  }
  return median(slopes);
}
