/** Completions that count: of this time, while requests waited. */
const windowMs = 30_000;
/** So many are enough for a rate over such a time. */
const enough = 3;
const mostKept = 256;
/** Weight of the newest holding time in the mean. */
const smoothing = 0.2;

/**
 * How many requests a second the slots of a model serve. Measured while requests wait, because otherwise it is the
 * clients' pace and not the cluster's; until enough was seen, the slots by the mean time for which one is held.
 */
export class ServiceRate {
  readonly #completedAt: number[] = [];
  #waitingSince: number | undefined;
  #meanHoldMs = 1_000;

  /** Called whenever requests begin to wait, and when none waits any more. */
  noteWaiting(isWaiting: boolean, nowMs: number): void {
    if (!isWaiting) this.#waitingSince = undefined;
    else this.#waitingSince ??= nowMs;
  }

  noteCompletion(heldMs: number, nowMs: number): void {
    this.#meanHoldMs += smoothing * (heldMs - this.#meanHoldMs);
    this.#completedAt.push(nowMs);
    if (this.#completedAt.length > mostKept) this.#completedAt.shift();
  }

  perSecond(slots: number, nowMs: number): number {
    const expected = (Math.max(1, slots) * 1000) / Math.max(1, this.#meanHoldMs);
    if (this.#waitingSince === undefined) return expected;
    let since = Math.max(this.#waitingSince, nowMs - windowMs);
    // Where more were seen than are kept, the time begins with the first that is.
    const isFull = this.#completedAt.length === mostKept;
    if (isFull) since = Math.max(since, this.#completedAt[0] ?? since);
    const seen = this.#completedAt.filter((atMs) => atMs > since).length;
    const seconds = Math.max(1, nowMs - since) / 1000;
    return seen >= enough ? seen / seconds : Math.min(expected, (seen + 1) / seconds);
  }
}

/** Seconds for the header `retry-after`: official clients honour 1 to 60. */
export function toRetryAfterSeconds(requests: number, perSecond: number): number {
  return Math.min(60, Math.max(1, Math.ceil(requests / perSecond)));
}
