import type { GenerationFailure } from '../protocol/generation.js';
import { RefusedError } from './refusedError.js';

/**
 * Returns the tokens. Ids from outside go straight into llama.cpp, which does not check them.
 *
 * @throws RefusedError that names the first token that the vocabulary does not have.
 */
export function requireKnownTokens(
  tokens: number[],
  vocabularySize: number,
  { code = 'invalid_request', where = '' }: { code?: GenerationFailure['code']; where?: string } = {},
): number[] {
  const unknown = tokens.find((token) => token >= vocabularySize);
  if (unknown === undefined) return tokens;
  throw new RefusedError(
    code,
    `Token ${unknown}${where} does not exist: this model's vocabulary has the tokens 0 to ${vocabularySize - 1}.`,
  );
}
