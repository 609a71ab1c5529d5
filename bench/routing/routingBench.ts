import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { routingPolicyNames, type RoutingPolicyName } from '../../src/protocol/routing.js';
import { runSimulations } from './contenders.js';
import { parseOptions, type RoutingBenchOptions } from './options.js';
import { measureChains } from './measureChains.js';
import { readModel, startRealCluster, type RealCluster } from './realCluster.js';
import { measureCosts, runConversations } from './realRun.js';
import { summarize, toReport, type Results, type Summary } from './report.js';
import type { StepCosts } from './simulatedWorker.js';

/** Of the default model on two cores (README.md). */
const standardCosts: StepCosts = { decodeBaseMs: 5.2, decoderMs: 3.2, promptTokenMs: 2.4 };

async function runReal(options: RoutingBenchOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-routing-'));
  const withCluster = async <T>(
    routing: RoutingPolicyName,
    workers: number,
    work: (cluster: RealCluster, model: string) => Promise<T>,
  ): Promise<T> => {
    const cluster = await startRealCluster({
      ...options,
      routing,
      workers,
      folder: mkdtempSync(path.join(folder, 'run-')),
    });
    try {
      return await work(cluster, await readModel(cluster));
    } finally {
      await cluster.close();
    }
  };
  try {
    const costs = await withCluster('least-busy', 1, ({ url }, model) => measureCosts(url, model));
    console.log('\nCosts of a step, measured:', costs);
    const results: Results[] = [];
    for (const share of options.shares) {
      const runsOf = new Map<string, Summary[]>();
      for (const seed of options.seeds) {
        for (const routing of routingPolicyNames) {
          const outcomes = await withCluster(routing, options.speeds.length, ({ url }, model) =>
            runConversations(url, model, options, share, seed),
          );
          runsOf.set(routing, [...(runsOf.get(routing) ?? []), summarize(outcomes)]);
          console.log(`${share} %, seed ${seed}, ${routing}:`, runsOf.get(routing)?.at(-1));
        }
      }
      results.push({ title: `${share} %`, runsOf });
    }
    console.log(`\nReal workers:\n\n${toReport(results)}\n\nThe simulation with their costs:\n`);
    console.log(toReport(runSimulations(options, costs)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const options = parseOptions(process.argv.slice(2));
if (options.isReal) await runReal(options);
else {
  console.log(measureChains());
  console.log(`\n${toReport(runSimulations(options, standardCosts))}`);
}
