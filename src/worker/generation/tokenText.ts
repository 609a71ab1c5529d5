import type { LlamaEngine } from '../engine/engine.js';

/** Turns tokens into text piece by piece, never half a code point. */
export interface TokenText {
  /** The text that became certain with this token. */
  push(token: number): string;
  /** The text held back at the end of a generation, without what is left of a code point cut in two. */
  flush(): string;
}

/** A code point has at most 4 bytes: U+FFFD at the end of the text for as many tokens is broken output, let through. */
const longestCodePointTokens = 4;
/** A token may end one code point and begin the next; so many that do in a row are let through as well. */
const mostPendingTokens = 64;
/** Detokenizers decide about leading spaces by what came before; a few tokens are enough. */
const precedingTokens = 4;

/**
 * Control tokens are no text, but for those whose text is one of `markers`. Pure but for the engine's vocabulary; the
 * pieces depend on the tokens alone, so that a resumed stream can be replayed.
 */
export function createTokenText(
  engine: Pick<LlamaEngine, 'detokenize' | 'isControlToken'>,
  markers: readonly string[],
): TokenText {
  let preceding: readonly number[] = [];
  let pending: number[] = [];
  /** Of the pending tokens' text: what is before the code point that is not complete, and the tokens since it grew. */
  let completeLength = 0;
  let stalledTokens = 0;

  function endsWithinCodePoint(text: string): boolean {
    if (!text.endsWith('\uFFFD')) return false;
    const length = text.replace(/\uFFFD+$/, '').length;
    stalledTokens = length > completeLength ? 1 : stalledTokens + 1;
    completeLength = length;
    return stalledTokens < longestCodePointTokens && pending.length < mostPendingTokens;
  }

  function take(isLast: boolean): string {
    if (pending.length === 0) return '';
    const text = engine.detokenize(pending, preceding);
    if (!isLast && endsWithinCodePoint(text)) return '';
    preceding = [...preceding, ...pending].slice(-precedingTokens);
    pending = [];
    completeLength = 0;
    stalledTokens = 0;
    return text;
  }

  function flush(): string {
    return take(true).replace(/\uFFFD+$/, '');
  }

  return {
    push(token) {
      if (engine.isControlToken(token)) {
        const before = flush();
        const marker = engine.detokenize([token], [], { special: true });
        preceding = [...preceding, token].slice(-precedingTokens);
        return markers.includes(marker) ? before + marker : before;
      }
      pending.push(token);
      return take(false);
    },
    flush,
  };
}
