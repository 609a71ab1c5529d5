import { readFileSync } from 'node:fs';

/**
 * How many processes Linux has killed for lack of memory since it was started, on the whole machine (`oom_kill` in
 * `/proc/vmstat`, which counts before it kills); undefined where the system does not say.
 */
export function readOutOfMemoryKills(): number | undefined {
  try {
    return parseOutOfMemoryKills(readFileSync('/proc/vmstat', 'utf8'));
  } catch {
    return undefined;
  }
}

export function parseOutOfMemoryKills(vmstat: string): number | undefined {
  const count = /^oom_kill (\d+)$/m.exec(vmstat)?.[1];
  return count === undefined ? undefined : Number(count);
}
