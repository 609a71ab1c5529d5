import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import path from 'node:path';

export interface MemoryProbes {
  /** What the machine can give: free memory and caches that the system would drop. */
  readonly machineBytes: () => number;
  /** The limit of this process's control group; 0 or a number beyond all machines where there is none. */
  readonly limitBytes: () => number;
  /** What is left of that limit, caches of files counted as used. */
  readonly leftOfLimitBytes: () => number;
  /** @throws where there is no such file. */
  readonly readText: (file: string) => Promise<string>;
}

const nodeProbes: MemoryProbes = {
  machineBytes: freemem,
  limitBytes: () => process.constrainedMemory(),
  leftOfLimitBytes: () => process.availableMemory(),
  readText: (file) => readFile(file, 'utf8'),
};

/**
 * Bytes that this process can still take, of the machine and, where it is in a container, of the container's limit.
 * A container's use includes the files that it has read lately, such as a model that was just downloaded; the system
 * drops those when memory is wanted, so they count as available.
 */
export async function readAvailableMemory(probes: MemoryProbes = nodeProbes): Promise<number> {
  const machineBytes = probes.machineBytes();
  const limitBytes = probes.limitBytes();
  if (limitBytes === 0 || limitBytes >= Number.MAX_SAFE_INTEGER) return machineBytes;
  const left = probes.leftOfLimitBytes() + (await readFileCacheBytes(probes.readText));
  return Math.min(machineBytes, limitBytes, left);
}

/** Of the process's control group; 0 where that cannot be read. */
async function readFileCacheBytes(readText: MemoryProbes['readText']): Promise<number> {
  const groups = await readText('/proc/self/cgroup').catch(() => '');
  for (const file of listStatFiles(groups)) {
    const text = await readText(file).catch(() => undefined);
    if (text !== undefined) return countFileCache(text);
  }
  return 0;
}

/** Version 2 has one line `0::<group>`, version 1 one a controller; inside containers the group is often the root. */
function listStatFiles(groups: string): string[] {
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '/';
  const separate = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1] ?? '/';
  return [
    ...[separate, '/'].map((group) => path.join('/sys/fs/cgroup/memory', group, 'memory.stat')),
    ...[unified, '/'].map((group) => path.join('/sys/fs/cgroup', group, 'memory.stat')),
  ];
}

/** Version 1 has totals that include groups within this one. */
function countFileCache(stat: string): number {
  const read = (name: string) => new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1];
  const sum = (kind: string) => Number(read(`total_${kind}`) ?? read(kind) ?? 0);
  return sum('inactive_file') + sum('active_file');
}
