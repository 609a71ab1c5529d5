import { readdirSync, readFileSync } from 'node:fs';

/** What Linux tells about processes and the machine under `/proc`. */

export interface ProcessMemory {
  /** Resident: the weights, which are mapped from their file, included. */
  readonly residentBytes: number;
  /** The part that belongs to no file: KV cache, buffers, heap. */
  readonly anonymousBytes: number;
  /** The largest resident size so far. */
  readonly peakBytes: number;
}

/** @throws where the process is gone. */
export function readProcessMemory(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return {
    residentBytes: read('VmRSS'),
    anonymousBytes: read('RssAnon'),
    peakBytes: read('VmHWM'),
  };
}

/** Linux counts CPU time in hundredths of a second. */
const tickMs = 10;

/** User and system time of a process since its start, all threads together. */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; user time is the 12th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** The same in nanoseconds, as the scheduler counts it. */
export function readCpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [ns = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return sum + Number(ns);
  }, 0);
}

export interface CpuTimes {
  readonly totalTicks: number;
  /** Taken by the host of a virtual machine for others. */
  readonly stolenTicks: number;
}

/** The machine's CPU time since its start. */
export function readCpuTimes(): CpuTimes {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/) ?? [];
  const ticks = fields.slice(0, 8).map(Number);
  return { totalTicks: ticks.reduce((sum, value) => sum + value, 0), stolenTicks: ticks[7] ?? 0 };
}

/** A process and all that it started, and so on. */
export function readProcessTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [
    pid,
    ...(children === '' ? [] : children.split(' ').flatMap((child) => readProcessTree(Number(child)))),
  ];
}
