/**
 * From so many tokens of one sequence on, llama.cpp's attention works in blocks; with fewer, token by token. The two
 * round differently, which turns a near tie of two tokens over. So which way a token goes must depend on its place in
 * the prompt alone, not on who else is there or where a stream was cut: the whole blocks of a prompt go in chunks of
 * at least one block, what is behind them, like everything that is generated or resumed, in smaller ones.
 */
export const attentionBlockTokens = 64;

/** How many tokens of a prompt lie in its whole blocks: all but the last token, which is sampled behind, rounded down. */
export function toBlockTokens(promptTokens: number): number {
  return Math.floor((promptTokens - 1) / attentionBlockTokens) * attentionBlockTokens;
}

/** How many of the first `cached` tokens a prompt can keep, so that the rest of its blocks is still whole ones. */
export function toUsablePrefix(cached: number, promptTokens: number): number {
  const isInBlocks = cached < toBlockTokens(promptTokens);
  return isInBlocks ? Math.floor(cached / attentionBlockTokens) * attentionBlockTokens : cached;
}
