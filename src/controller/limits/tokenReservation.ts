import { totalOf, type TokenNeed } from './tokenNeed.js';

/** What one running request holds: its need at first, and less with all that becomes known. */
export class TokenReservation {
  readonly need: TokenNeed;
  readonly #prompts: number[];
  readonly #completionSoFar: () => number;
  #counted = 0;

  /** @param completionSoFar tells at any time how much the request has generated. */
  constructor(need: TokenNeed, completionSoFar: () => number = () => 0) {
    this.need = need;
    this.#prompts = [...need.prompts];
    this.#completionSoFar = completionSoFar;
  }

  /** Still to be expected. An answer that has grown beyond what was likely holds what it is. */
  get held(): number {
    const completion = Math.max(this.need.completion, this.#completionSoFar());
    return totalOf({ prompts: this.#prompts, completion });
  }

  /** What was counted of it before its end. */
  get counted(): number {
    return this.#counted;
  }

  /** A prompt was read: it is counted now and held no more. */
  countPrompt(prompt: number, tokens: number): void {
    this.#prompts[prompt] = 0;
    this.#counted += tokens;
  }
}
