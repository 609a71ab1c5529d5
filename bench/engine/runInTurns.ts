import { setTimeout as delay } from 'node:timers/promises';
import type { RunningContender } from './contender.js';
import type { Measurement, Reading } from './measurement.js';
import type { Results } from './results.js';

/** After a pause: connections and timers that fell due meanwhile. */
const settleMs = 150;

/**
 * Every measurement in rounds, in each round with every contender in turn; the next round begins with the next one.
 * All but the one that is measured are paused: they must be paused already, and are when it resolves.
 */
export async function runInTurns(
  measurements: readonly Measurement[],
  contenders: readonly RunningContender[],
  rounds: number,
  results: Results,
): Promise<void> {
  const total = measurements.length * contenders.length * rounds;
  const startedAt = performance.now();
  let done = 0;
  for (const measurement of measurements) {
    for (let round = 0; round < rounds; round++) {
      const first = round % contenders.length;
      for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
        const readings = await withRunning(contender, () => measurement.run(contender, round));
        readings.forEach((reading) => results.add(contender.name, reading));
        done++;
        const leftSeconds = ((performance.now() - startedAt) / 1000 / done) * (total - done);
        const progress = `[${done}/${total}, ${formatMinutes(leftSeconds)} left]`;
        console.log(
          `${progress} ${measurement.title}, round ${round + 1}, ${contender.name}: ${describe(readings)}`,
        );
      }
    }
  }
}

/** Lets the contender run for as long as `work` takes. */
export async function withRunning<T>(contender: RunningContender, work: () => Promise<T>): Promise<T> {
  contender.resume();
  await delay(settleMs);
  try {
    return await work();
  } finally {
    contender.pause();
  }
}

function describe(readings: readonly Reading[]): string {
  return readings.map(({ value, unit }) => `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`).join(', ');
}

function formatMinutes(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
