import { readFileSync } from 'node:fs';

/** For log files, the store, files of clients, and the connections of workers. */
const reservedDescriptors = 64;
/** Each costs memory; also where the system does not say how many descriptors there are. */
const most = 8_192;

/**
 * Connections of clients that a controller can keep without running out of file descriptors: each of them may need
 * one to a worker.
 *
 * @param limits the text of `/proc/self/limits`, which Linux has
 */
export function connectionLimitOf(limits: string | undefined): number {
  const descriptors = Number(/^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1] ?? NaN);
  if (Number.isNaN(descriptors)) return most;
  return Math.min(most, Math.max(1, Math.floor((descriptors - reservedDescriptors) / 2)));
}

export function readConnectionLimit(): number {
  let limits: string | undefined;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Another system than Linux.
  }
  return connectionLimitOf(limits);
}
