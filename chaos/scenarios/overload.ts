import { setTimeout as delay } from 'node:timers/promises';
import { readProcessMemory } from '../../bench/support/procfs.js';
import { quantile } from '../../bench/support/statistics.js';
import { atLeast, atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';

const slots = 8;
const queueLimit = 16;
/** A second each: it is the slots that are full, and not the processors of the machine that all of this shares. */
const answer = { tokens: 20, paceMs: 50 };

/** reliability.md 5, row 8: what can be served is, what cannot is told so at once. */
export const overload: Scenario = {
  name: 'overload',
  fault: 'ten times as many requests as there is room for',
  async run({ form, say }) {
    const seconds = form === 'long' ? 60 : 8;
    const cluster = await startChaosCluster({
      workers: 3,
      slots,
      controllerArgs: ['--queue-limit', `${queueLimit}`],
    });
    const calm = new Ledger(cluster.url);
    const flooded = new Ledger(cluster.url);
    try {
      const room = 3 * slots;
      const peakPerSecond = (room * 1000) / (answer.tokens * answer.paceMs);
      const calmLoad = keepLoad(calm, { streams: room, ...answer });
      await delay(seconds * 500);
      await calmLoad.stop();
      const bytesBefore = readProcessMemory(cluster.controller().pid).anonymousBytes;

      let longestQueue = 0;
      // Open loop: they come whether the ones before were served or not.
      const asked: Promise<unknown>[] = [];
      const intervalMs = 1000 / (10 * peakPerSecond);
      const startedAt = performance.now();
      for (let sent = 0; performance.now() - startedAt < seconds * 1_000;) {
        const due = Math.floor((performance.now() - startedAt) / intervalMs);
        for (; sent < due; sent++) asked.push(flooded.ask(answer));
        longestQueue = Math.max(longestQueue, (await cluster.status()).queue.waiting);
        await delay(20);
      }
      await Promise.all(asked);
      const tookSeconds = (performance.now() - startedAt) / 1000;
      const whole = flooded.entries.filter(({ outcome }) => outcome.kind === 'whole');
      const shed = flooded.entries.filter(({ outcome }) => outcome.kind === 'refused');
      const others = flooded.errors().filter(({ outcome }) => outcome.kind !== 'refused');
      flooded.describeErrors(others).forEach(say);
      const grown = readProcessMemory(cluster.controller().pid).anonymousBytes - bytesBefore;
      return [
        atLeast('arrivals', flooded.entries.length, peakPerSecond * seconds * 8, 'requests'),
        atLeast(
          'served, of what its slots can serve',
          whole.length / (peakPerSecond * tookSeconds),
          0.9,
          '×',
        ),
        atMost('neither served whole nor refused in order', others.length, 0),
        atMost(
          'refused after, p99',
          quantile(
            shed.map(({ wholeMs }) => wholeMs),
            0.99,
          ),
          250,
          'ms',
        ),
        atMost('longest queue', longestQueue, queueLimit),
        atMost('memory of the controller grew by', grown / 2 ** 20, 64, 'MiB'),
      ];
    } finally {
      calm.close();
      flooded.close();
      await cluster.close();
    }
  },
};
