/** What the plan of a step sees of a generation, and what it has it do. */

export interface SequenceView {
  readonly index: number;
  /** Tokens still to be put into the cache before sampling can begin; 0: the sequence is decoding. */
  readonly prefillTokens: number;
  /** The first of them that go the same way: in whole blocks of the prompt, or token by token. */
  readonly runTokens: number;
  readonly inBlocks: boolean;
  /** Larger goes first. */
  readonly priority: number;
}

export interface StepAction {
  readonly index: number;
  /** Prompt tokens to put into the cache; 0: the last sampled token. */
  readonly prefillTokens: number;
  /** Sample behind the last one of them. */
  readonly samples: boolean;
}
