import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { atMost, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { createRandom } from '../support/load.js';
import { waitUntil } from '../support/waitUntil.js';

/** More would measure this process, which shares two cores with the cluster. */
const atOnce = 24;

/** reliability.md 5, row 15. */
export const churningClients: Scenario = {
  name: 'churning-clients',
  fault: 'clients leave in every phase of their request',
  async run({ form, seed, say }) {
    const clients = form === 'long' ? 10_000 : 1_000;
    const random = createRandom(seed);
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    const descriptors = () => readdirSync(`/proc/${cluster.controller().pid}/fd`).length;
    try {
      // As many connections to the workers as will be needed: they are kept.
      await Promise.all(Array.from({ length: atOnce }, () => ledger.ask({ tokens: 15, paceMs: 20 })));
      const before = descriptors();
      let left = clients;
      const churn = async () => {
        while (left-- > 0) {
          const leaving = AbortSignal.timeout(Math.floor(random() * 300));
          await ledger.ask({ tokens: 15, paceMs: 20 }, { signal: leaving });
          if (left % 1_000 === 0) say(`${clients - left} of ${clients}`);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, churn));
      const idleMs = await waitUntil('all slots are free', () => isIdle(cluster));
      ledger.close();
      // The kernel needs a moment for connections that were reset.
      await delay(500);
      const more = descriptors() - before;
      return [
        exactly('clients', ledger.entries.length - atOnce, clients),
        atMost('wrong transcripts', ledger.count('wrong'), 0),
        atMost('refused', ledger.count('refused'), 0),
        atMost('all slots free after the last one left', idleMs, 500, 'ms'),
        atMost('more file descriptors than before', more, 5),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};

/** The workers are asked themselves: the controller hears of their slots once a second. */
async function isIdle(cluster: ChaosCluster): Promise<boolean> {
  const { nodes } = await cluster.status();
  if (nodes.some(({ activeRequests }) => activeRequests > 0)) return false;
  const busy = await Promise.all(nodes.map((_, index) => cluster.busySlotsOf(index)));
  return busy.every((count) => count === 0);
}
