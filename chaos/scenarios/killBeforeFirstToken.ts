import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../../bench/support/statistics.js';
import { atMost, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

const workers = 3;
const prefillMs = 600;
/** What the prompts took is begun again elsewhere: the kill comes early, so that little of it is lost. */
const killedAfterMs = 100;

/** reliability.md 5, row 2. */
export const killBeforeFirstToken: Scenario = {
  name: 'kill-before-first-token',
  fault: 'a worker is killed while it reads prompts',
  async run({ form }) {
    const rounds = form === 'long' ? 10 : 3;
    const cluster = await startChaosCluster({ workers });
    const ledger = new Ledger(cluster.url);
    const alone: number[] = [];
    const together: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        alone.push(await addedByKill(cluster, ledger, { round, promptsOfWorker: 1 }));
        together.push(await addedByKill(cluster, ledger, { round, promptsOfWorker: 4 }));
      }
      return [
        atMost('errors that a client saw', ledger.errors().length, 0),
        atMost('added to the first token, one prompt on each worker, median', median(alone), 300, 'ms'),
        // Any of four may be what the worker died of, so that each of the two others gets one of them at a time.
        atMost('with four on each, to the last one', median(together), prefillMs + 300, 'ms'),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};

/** @returns what the slowest first token took beyond its prompt and the time that was lost. */
async function addedByKill(
  cluster: ChaosCluster,
  ledger: Ledger,
  { round, promptsOfWorker }: { round: number; promptsOfWorker: number },
): Promise<number> {
  const asked = Array.from({ length: promptsOfWorker * workers }, () =>
    ledger.ask({ tokens: 5, paceMs: 20, prefillMs }),
  );
  await delay(killedAfterMs);
  const index = round % workers;
  cluster.worker(index).kill('SIGKILL');
  const entries = await Promise.all(asked);
  await cluster.worker(index).exited;
  cluster.startWorker(index);
  await cluster.whenHealthy(workers);
  return Math.max(...entries.map(({ firstTokenMs }) => firstTokenMs)) - prefillMs - killedAfterMs;
}
