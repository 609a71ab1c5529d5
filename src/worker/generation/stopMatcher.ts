export interface StopMatch {
  /** Text that is certain to stay; nothing of a stop text. */
  readonly text: string;
  /** A stop text was completed: nothing may follow. */
  readonly stopped: boolean;
}

/** Ends a text before the first of the stop texts in it, wherever the text is cut into pieces. */
export interface StopMatcher {
  push(piece: string): StopMatch;
  /** What was held back because a stop text might have begun with it. */
  flush(): string;
}

export function createStopMatcher(stop: readonly string[]): StopMatcher {
  let held = '';
  return {
    push(piece) {
      const text = held + piece;
      const stopAt = firstStop(text, stop);
      if (stopAt !== undefined) {
        held = '';
        return { text: text.slice(0, stopAt), stopped: true };
      }
      const safe = text.length - longestStopPrefix(text, stop);
      held = text.slice(safe);
      return { text: text.slice(0, safe), stopped: false };
    },
    flush() {
      const text = held;
      held = '';
      return text;
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
