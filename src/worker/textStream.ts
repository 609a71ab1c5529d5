/** What became certain with a token. */
export interface TextStep {
  /** Text to emit now; empty while it may still turn out to be part of a code point or of a stop text. */
  readonly delta: string;
  /** A stop text was completed; it is not part of any delta and nothing may follow. */
  readonly stopped: boolean;
}

export interface TextStream {
  push(token: number): TextStep;
  /** The text held back at the end of a generation that no stop text ended. */
  flush(): string;
}

/** A code point has at most 4 bytes: U+FFFD at the end of the text for as many tokens is broken output, let through. */
const longestCodePointTokens = 4;
/** A token may end one code point and begin the next; so many that do in a row are let through as well. */
const mostPendingTokens = 64;
/** Detokenizers decide about leading spaces by what came before; a few tokens are enough. */
const precedingTokens = 4;

/**
 * Turns tokens into text piece by piece: never half a code point, and nothing of a stop text, also where one is
 * spread over several tokens. Pure but for `detokenize`; the deltas depend on the tokens alone, so that a resumed
 * stream can be replayed.
 */
export function createTextStream(
  stop: readonly string[],
  detokenize: (tokens: readonly number[], preceding: readonly number[]) => string,
): TextStream {
  let preceding: readonly number[] = [];
  let pending: number[] = [];
  /** Of the pending tokens' text: what is before the code point that is not complete, and the tokens since it grew. */
  let completeLength = 0;
  let stalledTokens = 0;
  let held = '';

  function endsWithinCodePoint(text: string): boolean {
    if (!text.endsWith('\uFFFD')) return false;
    const length = text.replace(/\uFFFD+$/, '').length;
    stalledTokens = length > completeLength ? 1 : stalledTokens + 1;
    completeLength = length;
    return stalledTokens < longestCodePointTokens && pending.length < mostPendingTokens;
  }

  /** Text of the pending tokens, or '' while they end within a code point. */
  function takeText(isLast: boolean): string {
    if (pending.length === 0) return '';
    const text = detokenize(pending, preceding);
    if (!isLast && endsWithinCodePoint(text)) return '';
    preceding = [...preceding, ...pending].slice(-precedingTokens);
    pending = [];
    completeLength = 0;
    stalledTokens = 0;
    return text;
  }

  return {
    push(token) {
      pending.push(token);
      const text = held + takeText(false);
      const stopAt = firstStop(text, stop);
      if (stopAt !== undefined) {
        held = '';
        return { delta: text.slice(0, stopAt), stopped: true };
      }
      const safe = text.length - longestStopPrefix(text, stop);
      held = text.slice(safe);
      return { delta: text.slice(0, safe), stopped: false };
    },
    flush() {
      // A code point that the token limit cut in two is left out.
      const text = held + takeText(true).replace(/\uFFFD+$/, '');
      held = '';
      return text.slice(0, firstStop(text, stop));
    },
  };
}

function firstStop(text: string, stop: readonly string[]): number | undefined {
  const found = stop.map((stopText) => text.indexOf(stopText)).filter((index) => index >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** How many characters at the end of `text` may be the beginning of a stop text. */
function longestStopPrefix(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const stopText of stop) {
    for (let length = Math.min(stopText.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stopText.slice(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}
