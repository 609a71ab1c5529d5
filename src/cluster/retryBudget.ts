const windowSeconds = 10;
/** Retries for each request of the window. */
const retryShare = 0.2;
/** However few requests there are. */
const minRetriesPerSecond = 3;

/** How often something happened, by second. */
class SecondCounts {
  readonly #ofSecond = new Map<number, number>();

  add(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    this.#ofSecond.set(second, (this.#ofSecond.get(second) ?? 0) + 1);
    for (const old of this.#ofSecond.keys()) if (old < second - windowSeconds) this.#ofSecond.delete(old);
  }

  /** In the current second and so many before it. */
  sum(nowMs: number, secondsBefore: number): number {
    const oldest = Math.floor(nowMs / 1000) - secondsBefore;
    let sum = 0;
    for (const [second, count] of this.#ofSecond) if (second >= oldest) sum += count;
    return sum;
  }
}

/**
 * Keeps retries from making an outage worse: of the last 10 seconds at most 20 % of the requests and three a second may
 * be tried again. Takes `nowMs`: no clock inside.
 *
 * The bound holds for every window of 10 seconds: seconds that are only partly in it count for the retries and not for
 * the requests.
 */
export class RetryBudget {
  readonly #requests = new SecondCounts();
  readonly #retries = new SecondCounts();

  noteRequest(nowMs: number): void {
    this.#requests.add(nowMs);
  }

  /** @returns whether one more retry is allowed, which is counted then. */
  tryTake(nowMs: number): boolean {
    if (this.#left(nowMs) < 1) return false;
    this.#retries.add(nowMs);
    return true;
  }

  /** 1: nothing is spent; 0: no retry is allowed now. */
  remainingRatio(nowMs: number): number {
    return Math.max(0, this.#left(nowMs) / this.#limit(nowMs));
  }

  #limit(nowMs: number): number {
    return minRetriesPerSecond * windowSeconds + retryShare * this.#requests.sum(nowMs, windowSeconds - 1);
  }

  #left(nowMs: number): number {
    return this.#limit(nowMs) - this.#retries.sum(nowMs, windowSeconds);
  }
}
