/** What a request may use, before it runs. */
export interface TokenNeed {
  /** Of each of its prompts, an upper bound. */
  readonly prompts: readonly number[];
  /** Of all its choices together: what they named as their bound, or what is likely where they named none. */
  readonly completion: number;
  /** The part of all this that is no estimate: prompts that came as tokens, and bounds that were named. */
  readonly named: number;
}

export function totalOf({ prompts, completion }: Pick<TokenNeed, 'prompts' | 'completion'>): number {
  return prompts.reduce((sum, tokens) => sum + tokens, completion);
}

/**
 * Whether there is room for a need beside what is taken already. One that is larger than the limit by an estimate only
 * has room where nothing is taken.
 */
export function hasRoom(taken: number, need: TokenNeed, limit: number): boolean {
  return taken + totalOf(need) <= limit || (taken === 0 && need.named <= limit);
}
