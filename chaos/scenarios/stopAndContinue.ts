import { setTimeout as delay } from 'node:timers/promises';
import { atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';

const stoppedMs = 10_000;

/** reliability.md 5, row 3: it accepts connections and never answers, which time-outs of connecting do not notice. */
export const stopAndContinue: Scenario = {
  name: 'stop-and-continue',
  fault: 'a worker is stopped for 10 s (SIGSTOP) and goes on (SIGCONT)',
  async run({ say }) {
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    const stateOf = async () => (await cluster.status()).nodes[0];
    try {
      const load = keepLoad(ledger, { streams: 30, tokens: 50, paceMs: 20 });
      await delay(1_500);
      cluster.worker(0).kill('SIGSTOP');
      const stoppedAt = performance.now();
      let offlineMs = NaN;
      while (performance.now() - stoppedAt < stoppedMs) {
        if (Number.isNaN(offlineMs) && (await stateOf())?.status === 'offline') {
          offlineMs = performance.now() - stoppedAt;
        }
        await delay(50);
      }
      cluster.worker(0).kill('SIGCONT');
      say('goes on');
      const backMs = await cluster.whenHealthy(3);
      await delay(2_000);
      await load.stop();
      const pauses = ledger.entries.map(({ longestGapMs, firstTokenMs }) =>
        Math.max(firstTokenMs, Number.isFinite(longestGapMs) ? longestGapMs : 0),
      );
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        atMost('longest wait of a stream', Math.max(...pauses), 7_000, 'ms'),
        atMost('shown as offline after', offlineMs, 7_000, 'ms'),
        atMost('healthy again after', backMs, 5_000, 'ms'),
      ];
    } finally {
      cluster.worker(0).kill('SIGCONT');
      ledger.close();
      await cluster.close();
    }
  },
};
