const windowSeconds = 10;

/** Tokens a second over the trailing 10 seconds; 0 within 10 s of the last token. Takes `nowMs`: no clock inside. */
export class TokenRate {
  /** Tokens of each second of the window, by second modulo the window. */
  readonly #counts = new Array<number>(windowSeconds).fill(0);
  readonly #seconds = new Array<number>(windowSeconds).fill(-Infinity);

  add(tokens: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const index = second % windowSeconds;
    if (this.#seconds[index] !== second) {
      this.#seconds[index] = second;
      this.#counts[index] = 0;
    }
    this.#counts[index] = (this.#counts[index] ?? 0) + tokens;
  }

  perSecond(nowMs: number): number {
    const oldest = Math.floor(nowMs / 1000) - windowSeconds;
    const tokens = this.#counts.reduce(
      (sum, count, index) => sum + ((this.#seconds[index] ?? -Infinity) > oldest ? count : 0),
      0,
    );
    return tokens / windowSeconds;
  }
}
