import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import {
  anonymousPrincipal,
  defaultSampling,
  type GenerateRequest,
} from '../src/protocol/generateRequest.js';
import { internalPaths } from '../src/protocol/workerApi.js';
import { workload, type BenchMessage } from './workload.js';

/**
 * What the controller adds to a streamed chat completion: the same requests to the same fake worker, through the
 * controller and straight to the worker, in turns. Three processes: this client, the controller, the worker.
 */

interface Target {
  readonly name: 'direct' | 'controller';
  readonly url: string;
  readonly body: string;
}

interface Sample {
  readonly firstByteMs: number;
  readonly wholeMs: number;
}

interface Load {
  readonly connections: number;
  readonly requestsPerRound: number;
  /** Between two requests of a connection, so that many connections do not measure a full CPU. */
  readonly pauseMs: number;
}

const rounds = 10;
const loads: readonly Load[] = [
  { connections: 1, requestsPerRound: 70, pauseMs: 0 },
  { connections: 16, requestsPerRound: 160, pauseMs: 60 },
];
const messages = [{ role: 'user' as const, content: 'Tell me a story. '.repeat(20) }];

async function startChild(file: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: process.env['BENCH_NODE_ARGS']?.split(' ') ?? [],
  });
  const [message] = (await once(child, 'message')) as [BenchMessage];
  if (message.type !== 'listening') throw new Error(`${file} did not start`);
  return { child, url: message.url };
}

async function readCpuMs(child: ChildProcess): Promise<number> {
  const answered = once(child, 'message');
  child.send({ type: 'readCpu' } satisfies BenchMessage);
  const [message] = (await answered) as [BenchMessage];
  return message.type === 'cpu' ? message.microseconds / 1000 : NaN;
}

async function measureOne({ url, body }: Target, agent: Agent): Promise<Sample> {
  const startedAt = performance.now();
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    dispatcher: agent,
  });
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode} from ${url}`);
  let firstByteMs = NaN;
  for await (const _chunk of response.body) {
    if (Number.isNaN(firstByteMs)) firstByteMs = performance.now() - startedAt;
  }
  return { firstByteMs, wholeMs: performance.now() - startedAt };
}

async function runRound(target: Target, load: Load, agent: Agent): Promise<Sample[]> {
  const samples: Sample[] = [];
  let left = load.requestsPerRound;
  const runConnection = async (index: number) => {
    await delay((index * load.pauseMs) / load.connections);
    while (left-- > 0) {
      samples.push(await measureOne(target, agent));
      if (load.pauseMs > 0) await delay(load.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, (_, index) => runConnection(index)));
  return samples;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function toRow(connections: number, what: string, direct: readonly number[], through: readonly number[]) {
  const [directP50, throughP50] = [quantile(direct, 0.5), quantile(through, 0.5)];
  const [directP99, throughP99] = [quantile(direct, 0.99), quantile(through, 0.99)];
  return {
    connections,
    what,
    'direct p50': directP50.toFixed(2),
    'controller p50': throughP50.toFixed(2),
    'added p50': (throughP50 - directP50).toFixed(2),
    'direct p99': directP99.toFixed(2),
    'controller p99': throughP99.toFixed(2),
    'added p99': (throughP99 - directP99).toFixed(2),
  };
}

function printTable(rows: readonly Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const print = (cells: string[]) =>
    console.log(`| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`);
  const [head = [], ...body] = lines;
  print(head);
  print(widths.map((width) => '-'.repeat(width)));
  body.forEach(print);
}

const worker = await startChild('./workerProcess.js');
const controller = await startChild('./controllerProcess.js');
worker.child.send({ type: 'join', controllerUrl: controller.url } satisfies BenchMessage);
for (let status = 0; status !== 200;) {
  const response = await request(`${controller.url}/ready`);
  await response.body.dump();
  status = response.statusCode;
}

const generateRequest: GenerateRequest = {
  requestId: 'req_bench',
  model: workload.model,
  principal: anonymousPrincipal,
  kind: 'chat',
  messages,
  choice: 0,
  tools: [],
  toolChoice: 'none',
  parallelToolCalls: true,
  templateOptions: {},
  constraint: { type: 'text' },
  sampling: { ...defaultSampling, seed: 1 },
  maxTokens: null,
  stop: [],
  ignoreEos: false,
  topLogprobs: null,
  deadlineMs: null,
  resumeTokens: [],
};
const direct: Target = {
  name: 'direct',
  url: `${worker.url}${internalPaths.generate}`,
  body: JSON.stringify(generateRequest),
};
const through: Target = {
  name: 'controller',
  url: `${controller.url}/v1/chat/completions`,
  body: JSON.stringify({ model: workload.model, messages, stream: true }),
};
const agent = new Agent();
for (const target of [direct, through]) {
  await runRound(target, { connections: 16, requestsPerRound: 1_500, pauseMs: 0 }, agent);
}

const rows: Record<string, string | number>[] = [];
const costs: Record<string, string | number>[] = [];
for (const load of loads) {
  const samples: Record<Target['name'], Sample[]> = { direct: [], controller: [] };
  let cpuMs = 0;
  for (let round = 0; round < rounds; round++) {
    for (const target of round % 2 === 0 ? [direct, through] : [through, direct]) {
      const before = await readCpuMs(controller.child);
      samples[target.name].push(...(await runRound(target, load, agent)));
      if (target === through) cpuMs += (await readCpuMs(controller.child)) - before;
    }
  }
  const read = (name: Target['name'], key: keyof Sample) => samples[name].map((sample) => sample[key]);
  const { connections } = load;
  for (const [what, key] of [
    ['first byte, ms', 'firstByteMs'],
    ['whole request, ms', 'wholeMs'],
  ] as const) {
    rows.push(toRow(connections, what, read('direct', key), read('controller', key)));
  }
  const perRequest = cpuMs / samples.controller.length;
  costs.push({
    connections,
    requests: samples.controller.length,
    'controller CPU per request, ms': perRequest.toFixed(2),
  });
}

const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${process.platform}`,
);
console.log(
  `${workload.tokens} tokens a request at ${workload.tokensPerSecond} a second, ${rounds} rounds of each in turns\n`,
);
printTable(rows);
console.log();
printTable(costs);

await agent.close();
for (const { child } of [worker, controller]) child.disconnect();
