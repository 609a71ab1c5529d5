export interface StopMatch {
  /** Text that is certain to stay; nothing of a stop text. */
  readonly text: string;
  /** A stop text was completed: nothing may follow. */
  readonly stopped: boolean;
}

/** Ends a text before the first of the stop texts in it, wherever the text is cut into pieces. */
export interface StopMatcher {
  push(piece: string): StopMatch;
  /** The stop text that was completed first. */
  readonly matched: string | undefined;
  /** What was held back because a stop text might have begun with it. */
  flush(): string;
}

export function createStopMatcher(stop: readonly string[]): StopMatcher {
  let held = '';
  let matched: string | undefined;
  return {
    push(piece) {
      const text = held + piece;
      const first = firstStop(text, stop);
      if (first) {
        held = '';
        matched = first.stopText;
        return { text: text.slice(0, first.index), stopped: true };
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
    get matched() {
      return matched;
    },
  };
}

function firstStop(text: string, stop: readonly string[]): { index: number; stopText: string } | undefined {
  const found = stop
    .map((stopText) => ({ index: text.indexOf(stopText), stopText }))
    .filter(({ index }) => index >= 0);
  return found.sort((a, b) => a.index - b.index)[0];
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
