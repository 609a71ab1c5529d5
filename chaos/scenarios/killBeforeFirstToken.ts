import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../../bench/support/statistics.js';
import { atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

const prefillMs = 600;

/** reliability.md 5, row 2. */
export const killBeforeFirstToken: Scenario = {
  name: 'kill-before-first-token',
  fault: 'a worker is killed while it reads prompts',
  async run({ form }) {
    const rounds = form === 'long' ? 10 : 3;
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    const added: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        // What the prompts take is begun again elsewhere: the kill comes early, so that little of it is lost.
        const asked = Array.from({ length: 12 }, () => ledger.ask({ tokens: 5, paceMs: 20, prefillMs }));
        const killedAfterMs = 100;
        await delay(killedAfterMs);
        const index = round % 3;
        cluster.worker(index).kill('SIGKILL');
        const entries = await Promise.all(asked);
        await cluster.worker(index).exited;
        const slowest = Math.max(...entries.map(({ firstTokenMs }) => firstTokenMs));
        added.push(slowest - prefillMs - killedAfterMs);
        cluster.startWorker(index);
        await cluster.whenHealthy(3);
      }
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        atMost('added to the slowest first token, median', median(added), 300, 'ms'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};
