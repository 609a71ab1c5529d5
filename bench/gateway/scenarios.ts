import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readCpuMs, readProcessMemory, readProcessTree } from '../support/procfs.js';
import { quantile } from '../support/statistics.js';
import { askWhole, createClient, stream, type StreamSample } from './client.js';
import type { Gateway } from './gateways.js';
import { toChatBody } from './paced.js';

/** What a round measures of a gateway; NaN where there is nothing to measure. */
export type Figures = Readonly<Record<FigureName, number>>;

export const figureNames = [
  'whole answer of one token at 1 connection, p50 ms',
  'first byte at 1 connection, p50 ms',
  'first byte at 1 connection, p99 ms',
  'first byte at 64 streams, p50 ms',
  'first byte at 64 streams, p99 ms',
  'gap between tokens at 64 streams, p50 ms',
  'gap between tokens at 64 streams, p99 ms',
  'CPU per token at 64 streams, µs',
  'requests/s at 16 connections',
] as const;
export type FigureName = (typeof figureNames)[number];

const lone = { requests: 100, answer: { tokens: 8, paceMs: 2 } };
/** 64 streams at 20 ms a token, 3,200 tokens a second; they do not start in the same moment. */
export const many = { streams: 64, startedWithinMs: 1_000, answer: { tokens: 100, paceMs: 20 } };
const throughput = { connections: 16, seconds: 3, answer: { tokens: 1, paceMs: 0 } };

/** One round of everything that the gateway can do. @throws where an answer is not whole. */
export async function measureRound(gateway: WarmGateway, folder: string): Promise<Figures> {
  const agent = createClient();
  try {
    const whole: number[] = [];
    for (let index = 0; index < lone.requests; index++) {
      whole.push(await askWhole(gateway, throughput.answer, agent));
    }
    return {
      'whole answer of one token at 1 connection, p50 ms': quantile(whole, 0.5),
      ...(gateway.streamFault === undefined ? await measureStreams(gateway, agent) : noStreams),
      'requests/s at 16 connections': measureThroughput(gateway, folder),
    };
  } finally {
    agent.destroy();
  }
}

type StreamFigures = Omit<
  Figures,
  'requests/s at 16 connections' | 'whole answer of one token at 1 connection, p50 ms'
>;

const noStreams: StreamFigures = {
  'first byte at 1 connection, p50 ms': NaN,
  'first byte at 1 connection, p99 ms': NaN,
  'first byte at 64 streams, p50 ms': NaN,
  'first byte at 64 streams, p99 ms': NaN,
  'gap between tokens at 64 streams, p50 ms': NaN,
  'gap between tokens at 64 streams, p99 ms': NaN,
  'CPU per token at 64 streams, µs': NaN,
};

async function measureStreams(gateway: Gateway, agent: Agent): Promise<StreamFigures> {
  const alone: StreamSample[] = [];
  for (let index = 0; index < lone.requests; index++) alone.push(await stream(gateway, lone.answer, agent));
  const cpuBefore = readTreeCpuMs(gateway);
  const together = await runMany(gateway, agent);
  const cpuMs = readTreeCpuMs(gateway) - cpuBefore;
  const firstBytes = (samples: readonly StreamSample[]) => samples.map(({ firstByteMs }) => firstByteMs);
  const gaps = together.flatMap(({ gapsMs }) => gapsMs);
  return {
    'first byte at 1 connection, p50 ms': quantile(firstBytes(alone), 0.5),
    'first byte at 1 connection, p99 ms': quantile(firstBytes(alone), 0.99),
    'first byte at 64 streams, p50 ms': quantile(firstBytes(together), 0.5),
    'first byte at 64 streams, p99 ms': quantile(firstBytes(together), 0.99),
    'gap between tokens at 64 streams, p50 ms': quantile(gaps, 0.5),
    'gap between tokens at 64 streams, p99 ms': quantile(gaps, 0.99),
    'CPU per token at 64 streams, µs': (cpuMs * 1000) / (many.streams * many.answer.tokens),
  };
}

/** A gateway that has been used, and how its streams fail where they do. */
export interface WarmGateway extends Gateway {
  readonly streamFault: string | undefined;
}

/** All kinds of requests once, so that code is compiled and connections are open. */
export async function warmUp(gateway: Gateway, folder: string): Promise<WarmGateway> {
  const agent = createClient();
  try {
    await runMany(gateway, agent);
    return { ...gateway, streamFault: undefined };
  } catch (error) {
    return { ...gateway, streamFault: error instanceof Error ? error.message : String(error) };
  } finally {
    agent.destroy();
    measureThroughput(gateway, folder);
  }
}

/** Many streams beside each other. */
export async function runMany(gateway: Gateway, agent: Agent): Promise<StreamSample[]> {
  return Promise.all(
    Array.from({ length: many.streams }, async (_, index) => {
      await delay((index * many.startedWithinMs) / many.streams);
      return stream(gateway, many.answer, agent);
    }),
  );
}

function readTreeCpuMs({ pid }: Gateway): number {
  return pid === undefined ? NaN : readProcessTree(pid).reduce((sum, child) => sum + readCpuMs(child), 0);
}

/** Whole answers of one token, by wrk: a client in Node would be the limit itself. NaN where wrk is not installed. */
function measureThroughput(gateway: Gateway, folder: string): number {
  const script = path.join(folder, 'wrk.lua');
  const headers = { ...gateway.headers, 'content-type': 'application/json' };
  writeFileSync(
    script,
    [
      'wrk.method = "POST"',
      `wrk.body = ${JSON.stringify(toChatBody(throughput.answer, false))}`,
      ...Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`),
    ].join('\n'),
  );
  const { stdout, error } = spawnSync(
    'wrk',
    ['-t1', `-c${throughput.connections}`, `-d${throughput.seconds}s`, '-s', script, gateway.url],
    { encoding: 'utf8' },
  );
  if (error) return NaN;
  if (/Non-2xx/.test(stdout)) throw new Error(`${gateway.name}: ${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}

export interface OpenStreams {
  readonly opened: number;
  readonly errors: number;
  /** Of the gateway, for each stream that is open. */
  readonly kibibytesPerStream: number;
}

/** 20 tokens, one a second: all are open at once for some seconds. */
const open = { streams: 2_000, startedWithinMs: 8_000, answer: { tokens: 20, paceMs: 1_000 } };

/** Opens 2,000 streams at once and looks at the gateway's memory when all have begun. */
export async function measureOpenStreams(gateway: Gateway): Promise<OpenStreams> {
  const agent = createClient();
  const before = readTreeBytes(gateway);
  let begun = 0;
  let errors = 0;
  let largest = before;
  const running = Array.from({ length: open.streams }, async (_, index) => {
    await delay((index * open.startedWithinMs) / open.streams);
    await stream(gateway, open.answer, agent, () => {
      begun++;
      if (begun % 100 === 0) largest = Math.max(largest, readTreeBytes(gateway));
    }).catch(() => errors++);
  });
  await Promise.all(running);
  agent.destroy();
  return {
    opened: begun,
    errors,
    kibibytesPerStream: (largest - before) / 1024 / open.streams,
  };
}

function readTreeBytes({ pid }: Gateway): number {
  if (pid === undefined) return NaN;
  return readProcessTree(pid).reduce((sum, child) => sum + readProcessMemory(child).anonymousBytes, 0);
}
