import { setTimeout as delay } from 'node:timers/promises';
import { startFaultProxy, type FaultProxy } from '../../tests/support/faultProxy.js';
import { atMost, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

/** reliability.md 5, row 10: heartbeats arrive, but what the worker streams does not. */
export const halfOpenConnection: Scenario = {
  name: 'half-open-connection',
  fault: "a worker's streams fall silent in the middle, with their connections open",
  async run() {
    const proxies: FaultProxy[] = [];
    const cluster = await startChaosCluster({
      workers: 3,
      advertise: async (_index, port) => {
        const proxy = await startFaultProxy({ host: '127.0.0.1', port });
        proxies.push(proxy);
        return proxy.url;
      },
    });
    const ledger = new Ledger(cluster.url);
    try {
      const asked = Array.from({ length: 30 }, () => ledger.ask({ tokens: 100, paceMs: 20 }));
      await delay(800);
      const [first] = proxies;
      if (first) first.faults = { blackhole: true };
      await Promise.all(asked);
      const pauses = ledger.entries.map(({ longestGapMs }) => longestGapMs);
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        atMost('longest pause of a stream', Math.max(...pauses), 10_500, 'ms'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
    }
  },
};
