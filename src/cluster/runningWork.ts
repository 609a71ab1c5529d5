import type { OutstandingWork } from '../routing/nodeSnapshot.js';
import type { RequestWork } from '../routing/policy.js';
import type { NodeSpeed } from './nodeSpeed.js';

/** What else goes on where a request runs. */
export interface Company {
  readonly others: number;
  /** Their prompt tokens, which are evaluated first. */
  readonly backlogTokens: number;
}

/**
 * One request in its slot: what it has to do yet, from estimates that are corrected as the truth arrives, and what
 * its pace says of the node's speed.
 */
export class RunningWork implements OutstandingWork {
  prefillTokens: number;
  readonly work: RequestWork | undefined;
  readonly #speed: NodeSpeed;
  readonly #companyOf: (work: RunningWork) => Company;
  #outputTokens = 0;
  #acceptedAt: number | undefined;
  #evaluatedTokens = 0;
  #acceptedIn: Company = { others: 0, backlogTokens: 0 };
  #firstOutputAt: number | undefined;
  #lastOutputAt = 0;
  #decodedTokens = 0;
  /** For each of them, how many others ran. */
  #othersOfTokens = 0;

  constructor(options: {
    /** Undefined: nothing is known of it. */
    work: RequestWork | undefined;
    cachedTokens: number;
    speed: NodeSpeed;
    companyOf: (work: RunningWork) => Company;
  }) {
    const { work, cachedTokens, speed, companyOf } = options;
    this.work = work;
    this.prefillTokens = Math.max(0, (work?.promptTokens ?? 0) - cachedTokens);
    this.#speed = speed;
    this.#companyOf = companyOf;
  }

  /** What is left of the expected answer. One that is longer than expected will go on for half of what it has. */
  get decodeTokens(): number {
    if (!this.work) return 0;
    return Math.max(this.work.outputTokens - this.#outputTokens, this.#outputTokens / 2);
  }

  accepted(promptTokens: number, cachedTokens: number, nowMs: number): void {
    this.#evaluatedTokens = Math.max(0, promptTokens - cachedTokens);
    this.prefillTokens = this.#evaluatedTokens;
    this.#acceptedAt = nowMs;
    this.#acceptedIn = this.#companyOf(this);
  }

  noteOutput(tokens: number, nowMs: number): void {
    this.#outputTokens += tokens;
    this.prefillTokens = 0;
    if (this.#firstOutputAt === undefined) {
      this.#firstOutputAt = nowMs;
      if (this.#acceptedAt !== undefined && this.#evaluatedTokens > 0) {
        const { backlogTokens, others } = this.#acceptedIn;
        const elapsedMs = nowMs - this.#acceptedAt;
        this.#speed.notePrefill(this.#evaluatedTokens + backlogTokens, elapsedMs, others);
      }
    } else {
      this.#decodedTokens += tokens;
      this.#othersOfTokens += tokens * this.#companyOf(this).others;
    }
    this.#lastOutputAt = nowMs;
  }

  /** The slot was given back. */
  ended(): void {
    if (this.#firstOutputAt === undefined || this.#decodedTokens === 0) return;
    const elapsedMs = this.#lastOutputAt - this.#firstOutputAt;
    this.#speed.noteDecode(this.#decodedTokens, elapsedMs, this.#othersOfTokens / this.#decodedTokens);
  }
}
