import { leastBusy } from '../../src/routing/leastBusy.js';
import { prefixAware } from '../../src/routing/prefixAware.js';
import { roundRobin } from '../../src/routing/roundRobin.js';
import type { Results, Summary } from './report.js';
import { summarize } from './report.js';
import type { RoutingBenchOptions } from './options.js';
import { simulate, type SimulationOptions } from './simulate.js';
import type { StepCosts } from './simulatedWorker.js';

interface Contender {
  readonly policy: SimulationOptions['policy'];
  /** Another one is another run of the same. */
  readonly noise: number;
}

/** The second run of least-busy says what the same differs from itself. */
const contenders: Readonly<Record<string, Contender>> = {
  'round-robin': { policy: roundRobin, noise: 1 },
  'least-busy': { policy: leastBusy, noise: 1 },
  'least-busy again': { policy: leastBusy, noise: 2 },
  'prefix-aware': { policy: prefixAware, noise: 1 },
  oracle: { policy: 'oracle', noise: 1 },
};

/** All contenders over the same conversations, for each prefix share. */
export function runSimulations(options: RoutingBenchOptions, costs: StepCosts): Results[] {
  return options.shares.map((share) => {
    const runsOf = new Map<string, Summary[]>();
    for (const [name, { policy, noise }] of Object.entries(contenders)) {
      const runs = options.seeds.map((seed) =>
        summarize(simulate({ ...options, costs, policy, share, seed, jitterSeed: noise * 1000 + seed })),
      );
      runsOf.set(name, runs);
    }
    return { title: `${share} %`, runsOf };
  });
}
