import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import type { MachineLoad } from '../observability/metrics/workerMetrics.js';

/** How busy this machine is. */
export function readMachineLoad(): MachineLoad {
  const cpuSeconds = { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 };
  for (const { times } of cpus()) {
    for (const mode of modes) cpuSeconds[mode] += times[mode] / 1000;
  }
  return { memoryUsedBytes: totalmem() - readAvailableBytes(), cpuSeconds };
}

const modes = ['user', 'nice', 'sys', 'idle', 'irq'] as const;

/** What programs could have: free memory, and what caches would give back, which Linux alone says. */
function readAvailableBytes(): number {
  try {
    const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // Another system.
  }
  return freemem();
}
