import { randomBytes } from 'node:crypto';

/**
 * Mints ids that sort in the order in which they were made, and cannot be guessed. A list is read on from an id, also
 * when what it named has been deleted.
 */
export function createIdMinter(now: () => number): (prefix: string) => string {
  let lastMs = 0;
  return (prefix) => {
    lastMs = Math.max(Math.floor(now()), lastMs + 1);
    return `${prefix}${lastMs.toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`;
  };
}
