import type { FailureReason } from './judgeFailure.js';

/** Of attempts in a row that bring no new token. */
export const maxAttempts = 3;
/** A worker that falls silent costs its whole silence: once is enough. */
const maxSilences = 2;

/**
 * How often one request may be tried. Only attempts in a row that bring nothing count: a token makes good for all that
 * was before, so that a stream outlives any number of workers. Pure: takes the time.
 */
export class AttemptLimits {
  readonly #patienceMs: number;
  #attempts = 0;
  #silences = 0;
  #hasProgressed = false;
  #troubledSinceMs: number | undefined;

  /** @param patienceMs for all waits together, from the first failure or refusal on, until a worker accepts it */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Whether the attempt that runs, or ran last, has brought a new token. */
  get hasProgressed(): boolean {
    return this.#hasProgressed;
  }

  /** When waiting has to end; undefined while nothing is wrong. */
  get waitsUntilMs(): number | undefined {
    return this.#troubledSinceMs === undefined ? undefined : this.#troubledSinceMs + this.#patienceMs;
  }

  began(): void {
    this.#attempts++;
    this.#hasProgressed = false;
  }

  accepted(): void {
    this.#troubledSinceMs = undefined;
  }

  progressed(): void {
    this.#attempts = 0;
    this.#silences = 0;
    this.#hasProgressed = true;
  }

  /** The attempt was none: the worker was busy, or the request had to make room. */
  withdrawn(): void {
    this.#attempts = Math.max(0, this.#attempts - 1);
  }

  /**
   * @param excused how many of the attempts that brought nothing were nobody's fault
   * @returns whether another attempt is allowed.
   */
  failed(reason: FailureReason, nowMs: number, excused = 0): boolean {
    if (reason === 'silent' && !this.#hasProgressed) this.#silences++;
    return this.mayWait(nowMs) && this.#attempts - excused < maxAttempts && this.#silences < maxSilences;
  }

  /** Something is wrong: whether the patience for that is not over. */
  mayWait(nowMs: number): boolean {
    this.#troubledSinceMs ??= nowMs;
    return nowMs - this.#troubledSinceMs < this.#patienceMs;
  }
}
