import { setTimeout as delay } from 'node:timers/promises';
import type { ContenderName, RunningContender } from './contender.js';
import { readCpuMs, type ProcessMemory } from '../support/procfs.js';

export interface MemoryRow {
  readonly contender: ContenderName;
  readonly afterLoad: ProcessMemory;
  readonly atEnd: ProcessMemory;
  /** CPU time over time while nothing was asked of it; 1 is a whole core. */
  readonly idleCpuShare: number;
}

const idleMs = 1_000;
/** llama.cpp's threads spin for a moment before they sleep. */
const calmMs = 500;

/** What a contender takes of the CPU when it has nothing to do: it must be running and have worked before. */
export async function measureIdleCpu({ pid }: RunningContender): Promise<number> {
  await delay(calmMs);
  const before = readCpuMs(pid);
  const startedAt = performance.now();
  await delay(idleMs);
  return (readCpuMs(pid) - before) / (performance.now() - startedAt);
}
