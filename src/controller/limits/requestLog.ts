import { windowMs } from './window.js';

const smallest = 16;

/**
 * The times of the requests of one key that were let in, each for a window long: a sliding window, exact. In no window
 * are there more requests than the limit, whatever comes when. Times are those of a clock that never jumps.
 */
export class RequestLog {
  /** A ring: as large as it had to be, never larger than twice the limit. */
  #times = new Float64Array(smallest);
  #first = 0;
  #count = 0;

  /** Lets a request in where there is room; one that is refused leaves no trace. */
  tryTake(limit: number, nowMs: number): boolean {
    this.#forget(nowMs);
    if (this.#count >= limit) return false;
    if (this.#count === this.#times.length) this.#grow();
    this.#times[(this.#first + this.#count) % this.#times.length] = nowMs;
    this.#count++;
    return true;
  }

  /** Requests in the window that ends now. */
  used(nowMs: number): number {
    this.#forget(nowMs);
    return this.#count;
  }

  /** Until there is room for one more; 0: there is. */
  roomInMs(limit: number, nowMs: number): number {
    this.#forget(nowMs);
    if (this.#count < limit) return 0;
    return this.#leavesInMs(this.#count - limit, nowMs);
  }

  /** Until none of them counts any more. */
  emptyInMs(nowMs: number): number {
    this.#forget(nowMs);
    return this.#count === 0 ? 0 : this.#leavesInMs(this.#count - 1, nowMs);
  }

  #leavesInMs(place: number, nowMs: number): number {
    return this.#timeAt(place) + windowMs - nowMs;
  }

  #timeAt(place: number): number {
    return this.#times[(this.#first + place) % this.#times.length] ?? NaN;
  }

  #forget(nowMs: number): void {
    while (this.#count > 0 && nowMs - this.#timeAt(0) > windowMs) {
      this.#first = (this.#first + 1) % this.#times.length;
      this.#count--;
    }
    if (this.#count === 0 && this.#times.length > smallest) this.#times = new Float64Array(smallest);
    if (this.#count === 0) this.#first = 0;
  }

  #grow(): void {
    const grown = new Float64Array(this.#times.length * 2);
    for (let place = 0; place < this.#count; place++) grown[place] = this.#timeAt(place);
    this.#times = grown;
    this.#first = 0;
  }
}
