import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '../gateway/client.js';
import { toAiCluster, type Gateway } from '../gateway/gateways.js';
import { many, runMany } from '../gateway/scenarios.js';
import { startUpstream } from '../gateway/upstream.js';
import { readCpuNs } from '../support/procfs.js';
import type { ServerProcess } from '../support/serverProcess.js';
import { median, quantile, range } from '../support/statistics.js';
import { formatNumber, toTable } from '../support/table.js';
import { measureLargeScrape } from './largeScrape.js';

/**
 * What metrics cost: the same streams through controllers with metrics on and read once a second, on and never read, and
 * off, in turns, and through a second one with metrics off, which shows what the noise is. It prints; nothing depends
 * on it.
 */
const { values } = parseArgs({ options: { pairs: { type: 'string', default: '9' } } });
const pairs = Number(values.pairs);

interface Round {
  readonly cpuPerTokenUs: number;
  readonly gapP99Ms: number;
}

async function measureRound(gateway: Gateway, isScraped: boolean): Promise<Round> {
  const agent = createClient();
  const metricsUrl = new URL('/metrics', gateway.url);
  const scrape = () => void fetch(metricsUrl).then((answer) => answer.arrayBuffer());
  const scrapes = isScraped ? setInterval(scrape, 1_000) : undefined;
  const before = readCpuNs(gateway.pid ?? NaN);
  try {
    const samples = await runMany(gateway, agent);
    const cpuNs = readCpuNs(gateway.pid ?? NaN) - before;
    return {
      cpuPerTokenUs: cpuNs / 1_000 / (many.streams * many.answer.tokens),
      gapP99Ms: quantile(
        samples.flatMap(({ gapsMs }) => gapsMs),
        0.99,
      ),
    };
  } finally {
    clearInterval(scrapes);
    agent.destroy();
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-bench-metrics-'));
const kinds = [
  { name: 'on', args: [], isScraped: true },
  { name: 'unread', args: [], isScraped: false },
  { name: 'off', args: ['--metrics', 'off'], isScraped: false },
  { name: 'off-again', args: ['--metrics', 'off'], isScraped: false },
];
interface Running {
  readonly name: string;
  readonly isScraped: boolean;
  readonly upstream: ServerProcess;
  readonly gateway: Gateway;
  readonly rounds: Round[];
}
const running: Running[] = [];
try {
  for (const kind of kinds) {
    const upstream = await startUpstream(folder, `upstream-${kind.name}`);
    const gateway = await toAiCluster(kind.name, kind.args).start(upstream, folder);
    running.push({ ...kind, upstream, gateway, rounds: [] });
  }
  for (const { gateway, isScraped } of running) await measureRound(gateway, isScraped);
  for (let pair = 0; pair < pairs; pair++) {
    // Each is first as often as the others.
    const turn = running.map((_, index) => running[(index + pair) % running.length]);
    for (const one of turn) one?.rounds.push(await measureRound(one.gateway, one.isScraped));
    process.stderr.write(`pair ${pair + 1} of ${pairs}\n`);
  }
  const of = (name: string) => running.find((one) => one.name === name)?.rounds ?? [];
  printComparison('on', 'off');
  printComparison('unread', 'off');
  printComparison('off-again', 'off');

  function printComparison(a: string, b: string): void {
    const rows = (['cpuPerTokenUs', 'gapP99Ms'] as const).map((figure) => {
      const ratios = of(a).map((round, index) => round[figure] / (of(b)[index]?.[figure] ?? NaN));
      const interval = bootstrap(ratios);
      return {
        figure: figure === 'cpuPerTokenUs' ? 'CPU per token, µs' : 'gap between tokens p99, ms',
        [a]: describe(of(a).map((round) => round[figure])),
        [b]: describe(of(b).map((round) => round[figure])),
        ratio: `${median(ratios).toFixed(4)} (95 %: ${interval.low.toFixed(4)} – ${interval.high.toFixed(4)})`,
      };
    });
    process.stdout.write(`\n${toTable(rows)}\n`);
  }
} finally {
  for (const { gateway, upstream } of running) {
    await gateway.close();
    await upstream.close();
  }
  rmSync(folder, { recursive: true, force: true });
}

process.stdout.write(`\n${toTable(await measureLargeScrape())}\n`);

function describe(figures: readonly number[]): string {
  const { min, max } = range(figures);
  return `${formatNumber(median(figures))} (${formatNumber(min)} – ${formatNumber(max)})`;
}

/** Of the median: the middle 95 % of those of 2,000 samples drawn from the values. */
function bootstrap(given: readonly number[]): { readonly low: number; readonly high: number } {
  const medians = Array.from({ length: 2_000 }, () =>
    median(given.map(() => given[Math.floor(Math.random() * given.length)] ?? NaN)),
  );
  return { low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}
