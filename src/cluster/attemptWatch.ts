import { perPromptToken, type Measure } from './outlierDetection.js';

export interface AttemptListener {
  outcome(type: 'succeeded' | 'failed' | 'showedLife'): void;
  /** A time for each token of one attempt. */
  took(measure: Exclude<Measure, 'failures'>, msPerToken: number): void;
  /** It is over, whether or not an outcome was reported. */
  ended(): void;
}

/** So many tokens behind the first one make a rate: in fewer, one hiccup of the machine would be most of it. */
export const leastTokensForRate = 16;

/** One attempt on a node, as it is seen from here: what became of it, and how long its tokens took. */
export class AttemptWatch {
  readonly #now: () => number;
  readonly #listener: AttemptListener;
  readonly #startedAtMs: number;
  #readTokens = 0;
  #firstAtMs: number | undefined;
  #lastAtMs = 0;
  /** Behind those of the first event. */
  #nextTokens = 0;
  #isReported = false;

  constructor(now: () => number, listener: AttemptListener) {
    this.#now = now;
    this.#listener = listener;
    this.#startedAtMs = now();
  }

  accepted(promptTokens: number, cachedTokens: number): void {
    this.#readTokens = promptTokens - cachedTokens;
  }

  countTokens(tokens: number): void {
    this.#lastAtMs = this.#now();
    if (this.#firstAtMs !== undefined) {
      this.#nextTokens += tokens;
      return;
    }
    this.#firstAtMs = this.#lastAtMs;
    this.#listener.took('firstToken', perPromptToken(this.#firstAtMs - this.#startedAtMs, this.#readTokens));
    this.#listener.outcome('showedLife');
  }

  /** Once: the first call counts. */
  report(outcome: 'succeeded' | 'failed'): void {
    if (this.#isReported) return;
    this.#isReported = true;
    if (outcome === 'succeeded' && this.#firstAtMs !== undefined && this.#nextTokens >= leastTokensForRate) {
      this.#listener.took('nextTokens', (this.#lastAtMs - this.#firstAtMs) / this.#nextTokens);
    }
    this.#listener.outcome(outcome);
  }

  end(): void {
    this.#listener.ended();
  }
}
