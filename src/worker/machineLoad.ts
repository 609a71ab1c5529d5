import { cpus, freemem, totalmem } from 'node:os';
import type { MachineLoad } from '../observability/metrics/workerMetrics.js';

/** How busy this machine is. */
export function readMachineLoad(): MachineLoad {
  const cpuSeconds = { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 };
  for (const { times } of cpus()) {
    for (const mode of modes) cpuSeconds[mode] += times[mode] / 1000;
  }
  // On Linux, what caches would give back counts as free.
  return { memoryUsedBytes: totalmem() - freemem(), cpuSeconds };
}

const modes = ['user', 'nice', 'sys', 'idle', 'irq'] as const;
