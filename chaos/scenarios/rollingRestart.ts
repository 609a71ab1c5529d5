import { atLeast, atMost, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';

/** reliability.md 5, row 6. */
export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  fault: 'all workers are restarted one after another (SIGTERM), five times, under load',
  async run({ form, say }) {
    const rounds = form === 'long' ? 5 : 1;
    const wanted = form === 'long' ? 10_000 : 1_000;
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    let exits = 0;
    try {
      const load = keepLoad(ledger, { streams: 48, tokens: 8, paceMs: 10 });
      for (let round = 0; round < rounds || ledger.entries.length < wanted; round++) {
        for (let index = 0; index < 3; index++) {
          cluster.worker(index).kill('SIGTERM');
          const { code } = await cluster.worker(index).exited;
          if (code !== 0) exits++;
          cluster.startWorker(index);
          await cluster.whenHealthy(3);
        }
        say(`round ${round + 1}, ${ledger.entries.length} requests`);
      }
      await load.stop();
      ledger.describeErrors().forEach(say);
      return [
        atLeast('requests', ledger.entries.length, wanted),
        atMost('errors that a client saw', ledger.errors().length, 0),
        exactly('workers that did not exit in order', exits, 0),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};
