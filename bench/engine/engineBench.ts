import { writeFileSync } from 'node:fs';
import { describeMachine, readMachineFacts } from './machine.js';
import type { Measurement } from './measurement.js';
import { parseOptions, type BenchOptions } from './options.js';
import { readCpuTimes } from '../support/procfs.js';
import { openPrompts, type Prompts } from './prompts.js';
import { toGoalTable, toJson, toMemoryTable, toResultTable } from './report.js';
import { createResults } from './results.js';
import { runInTurns } from './runInTurns.js';
import { createArrivalMeasurement } from './scenarios/arrival.js';
import { createDecodeMeasurement } from './scenarios/decode.js';
import { createPrefillMeasurement } from './scenarios/prefill.js';
import { createPrefixMeasurement } from './scenarios/prefix.js';
import { runSoak } from './soak.js';
import { startContenders } from './startContenders.js';
import { measureSteps, toStepRows } from './steps/measureSteps.js';
import { toTable } from '../support/table.js';

/**
 * The engine benchmark: the worker, a plain loop over node-llama-cpp and llama-server with the same model, threads and
 * prompts, all over HTTP, in turns. What is measured and how to read it is in bench/README.md.
 */

function listMeasurements(options: BenchOptions, prompts: Prompts): Measurement[] {
  const { scenarios, streams, tokens, prefillTokens, prefixTokens, arrivingTokens, arrivalTokens } = options;
  const decode = streams.map((count) => createDecodeMeasurement(prompts, count, tokens));
  const prefill = prefillTokens.map((count) => createPrefillMeasurement(prompts, count));
  return [
    ...(scenarios.includes('decode') ? decode : []),
    ...(scenarios.includes('prefill') ? prefill : []),
    ...(scenarios.includes('prefix') ? [createPrefixMeasurement(prompts, prefixTokens)] : []),
    ...(scenarios.includes('arrival')
      ? [createArrivalMeasurement(prompts, arrivingTokens, arrivalTokens)]
      : []),
  ];
}

async function runBenchmark(options: BenchOptions, prompts: Prompts): Promise<void> {
  const machine = await readMachineFacts(options);
  console.log(`${describeMachine(machine)}\n`);
  const names = options.contenders.filter((name) => name !== 'llama-server' || options.llamaServer);
  if (names.length < options.contenders.length)
    console.log('llama-server is left out: LLAMA_SERVER does not name its binary (see bench/README.md)');

  const cpuBefore = readCpuTimes();
  const results = createResults();
  const contenders = await startContenders(names, options, prompts);
  await runInTurns(listMeasurements(options, prompts), contenders.running, options.rounds, results);
  const memory = contenders.readMemory();
  const steps =
    options.scenarios.includes('steps') && names.includes('worker')
      ? await measureSteps(prompts, { ...options, decodedTokens: options.arrivalTokens })
      : undefined;
  await contenders.close();
  const cpuAfter = readCpuTimes();
  const stolenShare =
    (cpuAfter.stolenTicks - cpuBefore.stolenTicks) / (cpuAfter.totalTicks - cpuBefore.totalTicks);

  console.log(`\n${describeMachine(machine)}`);
  console.log(`CPU time taken by the host meanwhile: ${(stolenShare * 100).toFixed(1)} %`);
  console.log(
    `${options.threads} threads, ${options.slots} slots of ${options.contextTokens} tokens, median of ` +
      `${options.rounds} rounds (smallest – largest); ↓: less is better\n`,
  );
  if (results.rows.length > 0) console.log(`${toResultTable(results, names)}\n`);
  if (memory.length > 0) console.log(`${toMemoryTable(memory)}\n`);
  if (steps) console.log(`${toTable(toStepRows(steps))}\n`);
  console.log(toGoalTable(results, steps));
  if (options.jsonFile !== undefined)
    writeFileSync(options.jsonFile, toJson({ machine, stolenShare, options }, results, memory, steps));
}

async function soak(options: BenchOptions, prompts: Prompts, minutes: number): Promise<void> {
  console.log(`${describeMachine(await readMachineFacts(options))}\n`);
  const { running, close } = await startContenders(['worker'], options, prompts);
  for (const worker of running) {
    worker.resume();
    try {
      const isSound = await runSoak(worker, prompts, { ...options, minutes, streams: options.slots });
      if (!isSound) process.exitCode = 1;
    } catch (error) {
      console.error(worker.describe());
      throw error;
    }
  }
  await close();
}

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
try {
  const options = parseOptions(process.argv.slice(2), process.env);
  const prompts = await openPrompts(options.modelPath);
  if (options.soakMinutes === undefined) await runBenchmark(options, prompts);
  else await soak(options, prompts, options.soakMinutes);
  await prompts.close();
} catch (error) {
  console.error(`bench:engine: ${error instanceof Error ? error.message : String(error)}`);
  // Contenders that are still there end with this process.
  process.exit(1);
}
