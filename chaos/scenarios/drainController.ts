import { setTimeout as delay } from 'node:timers/promises';
import { atMost, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

const drainSeconds = 10;

/** reliability.md 5, row 5. */
export const drainController: Scenario = {
  name: 'drain-controller',
  fault: 'the controller is told to stop (SIGTERM) under 200 streams',
  async run() {
    const cluster = await startChaosCluster({
      workers: 3,
      slots: 80,
      controllerArgs: ['--drain-timeout', `${drainSeconds}`],
    });
    const ledger = new Ledger(cluster.url);
    try {
      const asked = Array.from({ length: 200 }, () => ledger.ask({ tokens: 150, paceMs: 20 }));
      await delay(1_500);
      const toldAt = performance.now();
      cluster.controller().kill('SIGTERM');
      await delay(200);
      const late = await ledger.ask({ tokens: 1, paceMs: 0 });
      const { code } = await cluster.controller().exited;
      const exitMs = performance.now() - toldAt;
      await Promise.all(asked);
      return [
        exactly('streams with a right transcript', ledger.count('whole'), 200),
        exactly('exit code', `${code}`, '0'),
        atMost('exited after', exitMs, (drainSeconds + 1) * 1_000, 'ms'),
        exactly('a new request', late.outcome.kind === 'wrong' ? 'wrong' : 'not served', 'not served'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};
