import { parseArgs } from 'node:util';
import { toTable } from '../bench/support/table.js';
import type { Form, Scenario } from './scenario.js';
import { scenarios } from './scenarios.js';

/**
 * Runs scenarios one after another and prints what was asked and what was measured; the exit code says whether all of
 * it was reached. `npm run chaos -- [names] [--long] [--seed <number>] [--counts]`; with `--counts` only what can be
 * counted decides, for machines that do other things as well.
 */
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    counts: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}. There are:`);
  for (const { name, fault } of scenarios) console.error(`  ${name}: ${fault}`);
  process.exit(2);
}
const form: Form = flags.long ? 'long' : 'short';
const chosen =
  positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));

let failures = 0;
for (const scenario of chosen) failures += (await runOne(scenario)) ? 0 : 1;
console.log(`\n${chosen.length - failures} of ${chosen.length} scenarios passed (${form} form)`);
process.exit(failures === 0 ? 0 : 1);

/** @returns whether every figure is as asked. */
async function runOne({ name, fault, run }: Scenario): Promise<boolean> {
  console.log(`\n## ${name}: ${fault}\n`);
  const startedAt = performance.now();
  const say = (text: string) => {
    process.stderr.write(`${name}: ${text}\n`);
  };
  try {
    const figures = await run({ form, seed: Number(flags.seed), say });
    const rows = figures.map((figure) => ({
      figure: figure.name,
      measured: figure.measured,
      asked: figure.asked,
      passed: figure.passed ? 'yes' : 'NO',
    }));
    console.log(toTable(rows));
    console.log(`\n${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    return figures.every(({ passed, dependsOnMachine }) => passed || (flags.counts && dependsOnMachine));
  } catch (error) {
    console.log(`failed: ${error instanceof Error ? error.stack : String(error)}`);
    return false;
  }
}
