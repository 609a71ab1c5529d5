import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { getModuleVersion } from 'node-llama-cpp';
import type { BenchOptions } from './options.js';

/** Where and with what the benchmark ran. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
  readonly nodeLlamaCpp: string;
  /** Of llama.cpp, in node-llama-cpp. */
  readonly llamaCpp: string;
  readonly llamaServer: string | undefined;
  /** Mean number of running processes over the last minute. */
  readonly loadAverage: number;
}

/** Above this something else uses the cores: llama.cpp's threads then wait for each other. */
export const quietLoadAverage = 0.3;

const bundleInfo = new URL('../../../node_modules/node-llama-cpp/llama/llama.cpp.info.json', import.meta.url);

export async function readMachineFacts({ llamaServer }: BenchOptions): Promise<MachineFacts> {
  const { tag } = JSON.parse(readFileSync(bundleInfo, 'utf8')) as { tag: string };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    os: `${process.platform} ${process.arch}`,
    node: process.version,
    nodeLlamaCpp: await getModuleVersion(),
    llamaCpp: tag,
    llamaServer: llamaServer === undefined ? undefined : readServerVersion(llamaServer),
    loadAverage: loadavg()[0] ?? NaN,
  };
}

/** The line of `llama-server --version` that names the revision. */
function readServerVersion(file: string): string {
  const { stdout, stderr, error } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  if (error) throw new Error(`LLAMA_SERVER: ${file} does not run: ${error.message}`);
  return /^version: (.*)$/m.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown';
}

/** For a person, with a warning where the figures will not be worth much. */
export function describeMachine(facts: MachineFacts): string {
  const gibibytes = (facts.memoryBytes / 2 ** 30).toFixed(0);
  const lines = [
    `${facts.cpu}, ${facts.cores} cores, ${gibibytes} GiB, ${facts.os}`,
    `Node ${facts.node}, node-llama-cpp ${facts.nodeLlamaCpp} (llama.cpp ${facts.llamaCpp}), ` +
      `llama-server ${facts.llamaServer ?? 'not measured'}`,
    `load average at the start: ${facts.loadAverage.toFixed(2)}`,
  ];
  if (facts.loadAverage > quietLoadAverage)
    lines.push(
      `WARNING: something else is using the cores (load average above ${quietLoadAverage}): the figures are not ` +
        'worth much',
    );
  return lines.join('\n');
}
