/** Writes for a person; log lines go through the logger instead. */
export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `1 request`, `2 requests`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Exit codes of the command line. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  /** The settings or the command line are not valid: trying again cannot help. */
  badUsage: 2,
} as const;
