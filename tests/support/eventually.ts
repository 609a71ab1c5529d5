import { vi } from 'vitest';

/** Waits until `check` no longer throws: for what happens at its own time on the other side of a socket. */
export function eventually<T>(
  check: () => T | Promise<T>,
  options: { timeout?: number; interval?: number } = {},
): Promise<T> {
  return vi.waitFor(check, { timeout: 5_000, interval: 10, ...options });
}
