/** What the benchmark tells the process that takes steps apart, and what it answers. */

export interface StepsRequest {
  readonly modelPath: string;
  readonly threads: number;
  readonly contextTokens: number;
  readonly rounds: number;
  /** For each round, eight decoders' prompts and a long one. */
  readonly prompts: readonly { readonly decoders: readonly number[][]; readonly long: readonly number[] }[];
  readonly decodedTokens: number;
}

/** Milliseconds of single steps, of all rounds together. */
export interface StepsReport {
  /** Prompt tokens of a step beside decoders, as the worker measures it when it loads a model. */
  readonly budgetTokens: number;
  /** Chunks of the budget alone, one behind the other up to the length of the long prompt. */
  readonly chunkMs: readonly number[];
  /** Four decoders, nothing else. */
  readonly fourDecodersMs: readonly number[];
  readonly eightDecodersMs: readonly number[];
  /** Four decoders and a chunk of the long prompt. */
  readonly mixedMs: readonly number[];
  /** From the end of a step of eight decoders to the beginning of the next one: the scheduler's own time. */
  readonly betweenStepsMs: readonly number[];
}
