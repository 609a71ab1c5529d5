import type { Segment } from './conversations.js';
import { countPromptTokens } from './toGenerateRequest.js';

/** All that was ever sent or answered, as one endless cache would keep it: no router could have more cached. */
export function createKnownPrefixes() {
  const keys = new Set<string>();
  const keysOf = (prompt: readonly Segment[]) =>
    prompt.map((_, index) =>
      prompt
        .slice(0, index + 1)
        .map(({ id }) => id)
        .join(),
    );
  return {
    /** Tokens of the prompt that were in some sequence before; its last one has to be evaluated in any case. */
    look(prompt: readonly Segment[]): number {
      const shared = keysOf(prompt).filter((key) => keys.has(key)).length;
      return Math.max(0, Math.min(countPromptTokens(prompt.slice(0, shared)), countPromptTokens(prompt) - 1));
    },
    add: (sequence: readonly Segment[]) => keysOf(sequence).forEach((key) => keys.add(key)),
  };
}
