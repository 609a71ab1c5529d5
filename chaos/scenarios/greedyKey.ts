import { setTimeout as delay } from 'node:timers/promises';
import { atLeast, atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';

const keys = 5;
const slots = 4;
const answer = { tokens: 20, paceMs: 10 };

/** All keys have the same weight, and each of them has more to do than its share. */
export const greedyKey: Scenario = {
  name: 'greedy-key',
  fault: 'one of five keys sends ten times as much as each other to a full cluster',
  async run({ form }) {
    const seconds = form === 'long' ? 60 : 15;
    const cluster = await startChaosCluster({
      workers: 2,
      slots,
      keys: Array.from({ length: keys }, () => ({})),
    });
    const ledgers = cluster.keys.map(() => new Ledger(cluster.url));
    try {
      const loads = cluster.keys.map(({ text }, index) => {
        const streams = index === 0 ? 10 * slots : slots;
        const options = { headers: { authorization: `Bearer ${text}` } };
        return keepLoad(ledgers[index] as Ledger, { streams, ...answer }, options);
      });
      await delay(2_000);
      const served = () => ledgers.map((ledger) => ledger.count('whole'));
      const before = served();
      await delay(seconds * 1_000);
      const gained = served().map((count, index) => count - (before[index] ?? 0));
      await Promise.all(loads.map((load) => load.stop()));
      const total = gained.reduce((sum, count) => sum + count, 0);
      const [greedy = NaN, ...others] = gained.map((count) => (count / total) * keys);
      return [
        atLeast('answers', total, seconds * 20),
        atMost('of its share, the greedy key got', greedy, 1.2),
        atLeast('of its share, the other key with least got', Math.min(...others), 0.9),
        atMost(
          'broken or wrong',
          ledgers.reduce(
            (sum, { entries }) =>
              sum + entries.filter(({ outcome }) => !['whole', 'refused'].includes(outcome.kind)).length,
            0,
          ),
          0,
        ),
      ];
    } finally {
      for (const ledger of ledgers) ledger.close();
      await cluster.close();
    }
  },
};
