import { setTimeout as delay } from 'node:timers/promises';
import { atLeast, atMost, type Figure, type Scenario } from '../scenario.js';
import { startRealCluster, type RealCluster } from '../support/realCluster.js';
import { createRequests, readTranscript } from '../support/realRequests.js';
import { waitUntil } from '../support/waitUntil.js';

const workers = 3;
const streams = 24;

/** The promise of the README, on llama.cpp: every transcript is that of an undisturbed run. */
export const killRealWorkers: Scenario = {
  name: 'kill-real-workers',
  fault: 'one of 3 real workers is killed every 10 s under 24 greedy streams',
  run: ({ form, say }) =>
    compare(say, async (cluster, answered) => {
      const kills = form === 'long' ? 12 : 2;
      for (let kill = 0; kill < kills; kill++) {
        const before = answered();
        await delay(10_000);
        // On machines so slow that a prompt is read for longer than that, it would look as if workers died of it.
        if (form === 'short') await waitUntil('answers', () => answered() >= before + streams, 120_000);
        say(`kill ${kill + 1} of ${kills}`);
        process.kill(await cluster.pidOf(`worker_${(kill % workers) + 1}`), 'SIGKILL');
      }
    }),
};

/** Told to stop, they let their streams end; killed they do not. */
export const restartRealWorkers: Scenario = {
  name: 'restart-real-workers',
  fault: 'all real workers are restarted one after another (SIGTERM) under load, five times',
  run: ({ form, say }) =>
    compare(
      say,
      async (cluster) => {
        const rounds = form === 'long' ? 5 : 1;
        for (let round = 0; round < rounds; round++) {
          for (let index = 1; index <= workers; index++) await restart(cluster, `worker_${index}`, 'SIGTERM');
          say(`round ${round + 1} of ${rounds}`);
        }
      },
      form === 'long' ? 200 : 24,
    ),
};

/** Runs the requests undisturbed, then again and again while `disturb` lasts, until `least` were answered. */
async function compare(
  say: (text: string) => void,
  disturb: (cluster: RealCluster, answered: () => number) => Promise<void>,
  least = streams,
): Promise<Figure[]> {
  const cluster = await startRealCluster(workers, streams / workers);
  try {
    const requests = createRequests(streams);
    const wanted = await Promise.all(requests.map((request) => readTranscript(cluster.url, request)));
    say('the undisturbed run is done');
    let answered = 0;
    let isDisturbed = true;
    const errors: string[] = [];
    const different: string[] = [];
    const load = requests.map(async (request, index) => {
      while (isDisturbed || answered < least) {
        try {
          const transcript = await readTranscript(cluster.url, request);
          if (transcript !== wanted[index]) different.push(`${wanted[index]}\n--- became\n${transcript}`);
        } catch (error) {
          errors.push(error instanceof Error ? error.message : String(error));
        }
        answered++;
      }
    });
    await disturb(cluster, () => answered);
    isDisturbed = false;
    await Promise.all(load);
    for (const problem of [...errors, ...different].slice(0, 5)) say(problem);
    return [
      atLeast('requests answered', answered, least),
      atMost('errors that a client saw', errors.length, 0),
      atMost('transcripts that differ from the undisturbed ones', different.length, 0),
    ];
  } finally {
    await cluster.close();
  }
}

async function restart(cluster: RealCluster, nodeId: string, signal: NodeJS.Signals): Promise<void> {
  const pid = await cluster.pidOf(nodeId);
  process.kill(pid, signal);
  while ((await cluster.pidOf(nodeId)) === pid) await delay(50);
  await cluster.whenHealthy(workers);
}
