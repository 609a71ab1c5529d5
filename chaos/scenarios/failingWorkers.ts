import { startFaultProxy, type FaultProxy, type Faults } from '../../tests/support/faultProxy.js';
import { quantile } from '../../bench/support/statistics.js';
import { atLeast, atMost, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { createRandom, keepLoad } from '../support/load.js';
import { setTimeout as delay } from 'node:timers/promises';

interface Trouble {
  readonly what: string;
  readonly workerArgs?: (index: number) => readonly string[];
  readonly faults?: (index: number) => Faults;
}

/** One worker of three is in trouble. */
const troubles: readonly Trouble[] = [
  { what: 'half of its answers are 500', workerArgs: (index) => (index === 0 ? ['--failing', '0.5'] : []) },
  {
    what: 'a fifth of its connections is reset',
    faults: (index) => (index === 0 ? { resetShare: 0.2 } : {}),
  },
  { what: 'a link of 64 kbit/s', faults: (index) => (index === 0 ? { bytesPerSecond: 8_000 } : {}) },
  {
    what: 'a link that delivers 64 bytes at a time',
    faults: (index) => (index === 0 ? { sliceBytes: 64, jitterMs: 2 } : {}),
  },
];

/** reliability.md 5, row 9. */
export const failingWorkers: Scenario = {
  name: 'failing-workers',
  fault: 'one of 3 workers fails half of its requests, loses connections, or has a slow link',
  async run({ form, seed, say }) {
    const seconds = form === 'long' ? 60 : 6;
    const figures: Figure[] = [];
    for (const trouble of troubles) {
      say(trouble.what);
      figures.push(...(await measure(trouble, seconds, seed)));
    }
    return figures;
  },
};

async function measure(
  { what, workerArgs, faults }: Trouble,
  seconds: number,
  seed: number,
): Promise<Figure[]> {
  const proxies: FaultProxy[] = [];
  const cluster = await startChaosCluster({
    workers: 3,
    ...(workerArgs ? { workerArgs } : {}),
    ...(faults
      ? {
          advertise: async (index: number, port: number) => {
            const proxy = await startFaultProxy(
              { host: '127.0.0.1', port },
              faults(index),
              createRandom(seed),
            );
            proxies.push(proxy);
            return proxy.url;
          },
        }
      : {}),
  });
  const ledger = new Ledger(cluster.url);
  try {
    const load = keepLoad(ledger, { streams: 24, tokens: 20, paceMs: 10 });
    await delay(seconds * 1_000);
    await load.stop();
    return [
      atLeast(`${what}: served whole`, ledger.count('whole') / ledger.entries.length, 0.999),
      atMost(
        `${what}: slowest, p99`,
        quantile(
          ledger.entries.map(({ wholeMs }) => wholeMs),
          0.99,
        ),
        10_000,
        'ms',
      ),
    ];
  } finally {
    ledger.close();
    await cluster.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }
}
