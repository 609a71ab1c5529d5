import { readProcessMemory } from '../../bench/support/procfs.js';
import { startFaultProxy, type Faults, type FaultProxy } from '../../tests/support/faultProxy.js';
import { atMost, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

const faults: Readonly<Record<string, Faults>> = {
  'an answer that ends in the middle': { endAfterBytes: 700 },
  'a reset in the middle': { resetAfterBytes: 700 },
  'a wrong byte in the middle': { corruptByteAt: 700 },
  'a wrong byte in the status line': { corruptByteAt: 5 },
  'a wrong byte in the first event': { corruptByteAt: 210 },
};

/** reliability.md 5, row 11: one worker of three sends what is no answer; another one gives it. */
export const garbageFromWorkers: Scenario = {
  name: 'garbage-from-workers',
  fault: 'a worker sends cut, corrupted and endless answers',
  run: async ({ say }) => [...(await breakAnswers(say)), ...(await sendLongLines(say))],
};

async function breakAnswers(say: (text: string) => void): Promise<Figure[]> {
  const proxies: FaultProxy[] = [];
  const cluster = await startChaosCluster({
    workers: 3,
    advertise: async (_index, port) => {
      const proxy = await startFaultProxy({ host: '127.0.0.1', port });
      proxies.push(proxy);
      return proxy.url;
    },
  });
  try {
    const [first] = proxies;
    const errors: number[] = [];
    for (const [what, fault] of Object.entries(faults)) {
      say(what);
      if (first) first.faults = fault;
      // Connections that are open already are past the place of the fault.
      first?.resetAll();
      errors.push(await countErrors(cluster));
    }
    return Object.keys(faults).map((what, index) => atMost(`${what}: errors`, errors[index] ?? NaN, 0));
  } finally {
    await cluster.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  }
}

async function sendLongLines(say: (text: string) => void): Promise<Figure[]> {
  const what = 'a line of 100 MB';
  say(what);
  const cluster = await startChaosCluster({
    workers: 3,
    workerArgs: (index) => (index === 0 ? ['--line-megabytes', '100'] : []),
  });
  try {
    const { pid } = cluster.controller();
    const before = readProcessMemory(pid).anonymousBytes;
    const errors = await countErrors(cluster);
    const grown = readProcessMemory(pid).anonymousBytes - before;
    return [
      atMost(`${what}: errors`, errors, 0),
      atMost(`${what}: memory of the controller grew by`, grown / 2 ** 20, 160, 'MiB'),
    ];
  } finally {
    await cluster.close();
  }
}

async function countErrors(cluster: ChaosCluster): Promise<number> {
  const ledger = new Ledger(cluster.url);
  await Promise.all(Array.from({ length: 12 }, () => ledger.ask({ tokens: 30, paceMs: 5 })));
  ledger.close();
  return ledger.errors().length;
}
