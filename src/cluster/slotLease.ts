/** The right to run one generation on a node; returned once, in a `finally`. */
export interface SlotLease {
  readonly nodeId: string;
  /** The process that the slot belongs to: a restarted worker is another one. */
  readonly instanceId: string;
  readonly url: string;
  readonly fingerprint: string;
  /** Counts completion tokens for the node's tokens a second. */
  countTokens(tokens: number): void;
  /** Frees the slot; a second call does nothing. */
  return(): void;
}
