import { setTimeout as delay } from 'node:timers/promises';
import { atMost, exactly, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { createRandom } from '../support/load.js';

const workers = 4;
const streams = 40;

/** reliability.md 5, row 18: everything at once, at random, from a seed that can be given again. */
export const mixedFaults: Scenario = {
  name: 'mixed-faults',
  fault: 'workers are killed, stopped and restarted and clients leave, at random',
  async run({ form, seed, say }) {
    const [seeds, seconds] = form === 'long' ? [20, 30] : [1, 15];
    const figures: Figure[] = [];
    for (let run = 0; run < seeds; run++) {
      say(`seed ${seed + run}`);
      figures.push(...(await runSeed(seed + run, seconds)));
    }
    return figures;
  },
};

async function runSeed(seed: number, seconds: number): Promise<Figure[]> {
  const random = createRandom(seed);
  const cluster = await startChaosCluster({ workers });
  const ledger = new Ledger(cluster.url);
  let arrivals = 0;
  let cancelled = 0;
  let isRunning = true;
  const load = Array.from({ length: streams }, async () => {
    while (isRunning) {
      arrivals++;
      const leaves = random() < 0.1;
      const signal = leaves ? { signal: AbortSignal.timeout(1 + Math.floor(random() * 500)) } : {};
      const { outcome } = await ledger.ask({ tokens: 5 + Math.floor(random() * 60), paceMs: 15 }, signal);
      if (leaves && outcome.kind === 'broken') cancelled++;
    }
  });
  try {
    const until = performance.now() + seconds * 1_000;
    while (performance.now() < until) {
      await delay(500 + random() * 2_000);
      await disturb(cluster, random);
    }
    isRunning = false;
    await Promise.all(load);
    const named = (name: string) => `seed ${seed}: ${name}`;
    const lost = ledger.errors().length - cancelled;
    const counted = await countOutcomes(cluster);
    return [
      exactly(named('outcomes for arrivals'), ledger.entries.length, arrivals),
      atMost(named('errors of clients that stayed'), lost, 0),
      atMost(named('wrong transcripts'), ledger.count('wrong'), 0),
      // Clients that left before their request arrived were not counted by anyone.
      atMost(named('successes that the metrics do not have'), ledger.count('whole') - counted.success, 0),
      atMost(named('errors in the metrics'), counted.error, 0),
    ];
  } finally {
    ledger.close();
    await cluster.close();
  }
}

/** At most one worker is away at a time: what is shown is that nothing is lost, not how few can serve. */
async function disturb(cluster: ChaosCluster, random: () => number): Promise<void> {
  const index = Math.floor(random() * workers);
  const dice = random();
  const worker = cluster.worker(index);
  if (dice < 0.25) {
    worker.kill('SIGSTOP');
    await delay(500 + random() * 1_500);
    worker.kill('SIGCONT');
    return;
  }
  worker.kill(dice < 0.75 ? 'SIGKILL' : 'SIGTERM');
  await worker.exited;
  cluster.startWorker(index);
  await cluster.whenJoined(index);
}

async function countOutcomes(cluster: ChaosCluster): Promise<{ success: number; error: number }> {
  const text = await cluster.metrics();
  const read = (status: string) => {
    const lines = text.matchAll(
      new RegExp(`^ai_cluster_inference_requests_total\\{.*status="${status}".*\\} (\\d+)`, 'gm'),
    );
    return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
  };
  return { success: read('success'), error: read('error') };
}
