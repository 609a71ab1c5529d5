import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { median, range } from '../support/statistics.js';
import { formatNumber, toTable } from '../support/table.js';
import { gatewayPlans, type Gateway } from './gateways.js';
import { startUpstream } from './upstream.js';
import {
  figureNames,
  measureOpenStreams,
  measureRound,
  warmUp,
  type Figures,
  type WarmGateway,
} from './scenarios.js';

/**
 * What a gateway adds to a streamed chat completion: the same requests to the same paced upstream, straight, through
 * the controller, and through what else a user would put there; in turns, in one run.
 */

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    gateways: { type: 'string', default: gatewayPlans.map(({ name }) => name).join(',') },
  },
});
const rounds = Number(flags.rounds);
const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-bench-'));

console.log(
  `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}, load average at the ` +
    `start ${(loadavg()[0] ?? NaN).toFixed(2)}; client, gateway and upstream share the cores\n`,
);

const upstream = await startUpstream(folder);
const gateways: Gateway[] = [];

try {
  for (const plan of gatewayPlans.filter(({ name }) => flags.gateways.split(',').includes(name))) {
    const missing = plan.missing();
    if (missing !== undefined) console.log(`${plan.name} is left out; to measure it: ${missing}`);
    else gateways.push(await plan.start(upstream, folder));
  }
  const warm: WarmGateway[] = [];
  for (const gateway of gateways) {
    process.stderr.write(`warming up ${gateway.name}\n`);
    const warmed = await warmUp(gateway, folder);
    if (warmed.streamFault !== undefined)
      console.log(`its streams are not measured: ${warmed.streamFault}\n`);
    warm.push(warmed);
  }
  const results = new Map<string, Figures[]>(gateways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? warm : [...warm].reverse();
    for (const gateway of order) {
      process.stderr.write(`round ${round + 1} of ${rounds}: ${gateway.name}\n`);
      results.get(gateway.name)?.push(await measureRound(gateway, folder));
    }
  }
  console.log(toFigureTable(results));
  console.log(`\nAdded to direct, the median of the rounds' differences:\n\n${toAddedTable(results)}\n`);

  const open: Record<string, string>[] = [];
  for (const gateway of warm.filter(({ streamFault }) => streamFault === undefined)) {
    process.stderr.write(`2,000 streams: ${gateway.name}\n`);
    const { opened, errors, kibibytesPerStream } = await measureOpenStreams(gateway);
    open.push({
      'streams open at once': gateway.name,
      begun: `${opened}`,
      errors: `${errors}`,
      'KiB of the gateway per stream': formatNumber(kibibytesPerStream),
    });
  }
  console.log(toTable(open));
} finally {
  await Promise.all([...gateways, upstream].map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
}

function toFigureTable(results: ReadonlyMap<string, readonly Figures[]>): string {
  return toTable(
    figureNames.map((figure) => ({
      figure,
      ...Object.fromEntries(
        [...results].map(([name, figures]) => {
          const all = figures.map((round) => round[figure]);
          const { min, max } = range(all);
          const spread = `(${formatNumber(min)} – ${formatNumber(max)})`;
          return [name, Number.isNaN(min) ? '–' : `${formatNumber(median(all))} ${spread}`];
        }),
      ),
    })),
  );
}

function toAddedTable(results: ReadonlyMap<string, readonly Figures[]>): string {
  const base = results.get('direct') ?? [];
  const others = [...results].filter(([name]) => name !== 'direct');
  return toTable(
    figureNames
      .filter((figure) => figure.endsWith('ms'))
      .map((figure) => ({
        added: figure,
        ...Object.fromEntries(
          others.map(([name, figures]) => {
            const added = figures.map((round, index) => round[figure] - (base[index]?.[figure] ?? NaN));
            return [name, formatNumber(median(added))];
          }),
        ),
      })),
  );
}
