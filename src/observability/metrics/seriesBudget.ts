/**
 * How many lines of `/metrics` a process may have. Label values are closed sets, so that it is never reached by what
 * clients send; it is there for a cluster that grows beyond what one process should tell.
 */
export class SeriesBudget {
  readonly limit: number;
  /** Called for each series that was not let in, every time something would have been noted in it. */
  onDropped: () => void = () => {};
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  tryTake(lines: number): boolean {
    if (this.#used + lines > this.limit) {
      this.onDropped();
      return false;
    }
    this.#used += lines;
    return true;
  }

  giveBack(lines: number): void {
    this.#used -= lines;
  }
}
