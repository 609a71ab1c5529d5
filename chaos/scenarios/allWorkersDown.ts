import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../../bench/support/statistics.js';
import { atMost, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger, type Entry } from '../support/ledger.js';

/** reliability.md 5, row 7: those that find room wait, the others are told at once when to come back. */
export const allWorkersDown: Scenario = {
  name: 'all-workers-down',
  fault: 'all workers are dead for a while',
  async run({ form }) {
    const downMs = form === 'long' ? 30_000 : 5_000;
    const room = 20;
    const cluster = await startChaosCluster({ workers: 3, controllerArgs: ['--queue-limit', `${room}`] });
    const ledger = new Ledger(cluster.url);
    try {
      for (const index of [0, 1, 2]) cluster.worker(index).kill('SIGKILL');
      await cluster.whenHealthy(0);
      const waiting = Array.from({ length: room }, () => ledger.ask({ tokens: 5, paceMs: 10 }));
      await delay(500);
      const turnedAway: Entry[] = [];
      for (let index = 0; index < 50; index++) turnedAway.push(await ledger.ask({ tokens: 5, paceMs: 10 }));
      await delay(downMs);
      for (const index of [0, 1, 2]) cluster.startWorker(index);
      await Promise.race([0, 1, 2].map((index) => cluster.whenJoined(index)));
      const upAt = performance.now();
      const served = await Promise.all(waiting);
      const recoveryMs = performance.now() - upAt;
      const refusals = turnedAway.filter(
        ({ outcome }) =>
          outcome.kind === 'refused' && outcome.status === 503 && Number(outcome.retryAfterSeconds) > 0,
      );
      return [
        exactly('turned away with 503 and retry-after', refusals.length, 50),
        atMost(
          'answered so after, p99',
          quantile(
            turnedAway.map(({ wholeMs }) => wholeMs),
            0.99,
          ),
          50,
          'ms',
        ),
        exactly(
          'those that waited, served whole',
          served.filter(({ outcome }) => outcome.kind === 'whole').length,
          room,
        ),
        atMost('all of them served, after the first worker was up', recoveryMs, 3_000, 'ms'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};
