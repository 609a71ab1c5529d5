import { setTimeout as delay } from 'node:timers/promises';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';
import { quantile } from '../../bench/support/statistics.js';
import { atMost, exactly, type Scenario } from '../scenario.js';

const tokens = 100;
const paceMs = 20;

/** reliability.md 5, row 1 and the headline on fake workers. */
export const killMidStream: Scenario = {
  name: 'kill-mid-stream',
  fault: 'one of 3 workers is killed every 5 s under streams, and comes back',
  async run({ form, say }) {
    const [streams, kills] = form === 'long' ? [60, 24] : [60, 3];
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    try {
      const load = keepLoad(ledger, { streams, tokens, paceMs });
      for (let kill = 0; kill < kills; kill++) {
        await delay(5_000);
        say(`kill ${kill + 1} of ${kills}, ${ledger.entries.length} streams have ended`);
        const index = kill % 3;
        cluster.worker(index).kill('SIGKILL');
        await cluster.worker(index).exited;
        cluster.startWorker(index);
      }
      await load.stop();
      const gaps = ledger.entries.map(({ longestGapMs }) => longestGapMs - paceMs);
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        exactly('streams with a right transcript', ledger.count('whole'), ledger.entries.length),
        atMost('longest pause added to a stream, p99', quantile(gaps, 0.99), 1_500, 'ms'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};
