/** A grammar grew beyond what is allowed: costs the request an error and nobody else anything. */
export class GrammarTooLargeError extends Error {
  override readonly name = 'GrammarTooLargeError';
}

/** How large a grammar may become. */
export interface GrammarLimits {
  /** Rules, counting those that llama.cpp makes of a bounded repetition. */
  readonly rules: number;
  /** Characters of GBNF text. */
  readonly characters: number;
  /** From the builder's creation to the text of its grammar: for so long the worker's other clients may wait. */
  readonly milliseconds: number;
}

/**
 * Measured on one core with llama.cpp as node-llama-cpp 3.22.1 bundles it, which reads the grammar at the start of each
 * request: 3,000 rules (160,000 characters) take 4 ms, 20,000 rules (1,100,000) 37 ms, 33,000 rules (2,400,000) 73 ms.
 * With a vocabulary of 49,000 a token then took 0 to 7 ms longer in the median and 20 to 50 ms at worst, with 1,500
 * optional properties 120 ms. tests/unit/worker/grammar/pathologicalSchemasEndSoon.test.ts keeps the largest below 200 ms.
 */
export const defaultGrammarLimits: GrammarLimits = {
  rules: 20_000,
  characters: 1_000_000,
  milliseconds: 250,
};
