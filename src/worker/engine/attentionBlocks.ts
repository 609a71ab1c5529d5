/**
 * From so many tokens of one sequence on, llama.cpp's attention works in blocks; with fewer, token by token. The two
 * round differently, which turns a near tie of two tokens over. So which way a token goes must not depend on who else is
 * there or where a stream was cut: the whole blocks of a prompt go in chunks of at least one block, what is behind them,
 * like everything that is generated or resumed, in smaller ones.
 */
export const attentionBlockTokens = 64;

/** How many whole blocks a prompt has: its last token is sampled behind, and is in none. */
export function countBlocks(promptTokens: number): number {
  return Math.floor((promptTokens - 1) / attentionBlockTokens);
}
