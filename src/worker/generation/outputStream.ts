import type { OutputDelta } from '../../protocol/generation.js';
import type { OutputParser } from '../outputParser/outputFormat.js';
import type { StopMatcher } from './stopMatcher.js';
import type { TokenText } from './tokenText.js';

export interface OutputStep {
  /** What is certain now and can be sent. */
  readonly deltas: readonly OutputDelta[];
  /** A stop text ended the generation. */
  readonly stopped: boolean;
}

/** From tokens to what a client sees: text, reasoning and tool calls. The same tokens always give the same deltas. */
export interface OutputStream {
  push(token: number): OutputStep;
  /** What was held back, at the end of a generation that no stop text ended. */
  flush(): readonly OutputDelta[];
  /** How many of the tokens were spent before the answer began, where the model reasoned first. */
  readonly reasoningTokens: number;
  readonly hasToolCalls: boolean;
  /** The stop text that ended the text, where one did. */
  readonly stopText: string | undefined;
}

/** Stop texts end the answer's text; they mean nothing within reasoning and tool calls. */
export function createOutputStream(
  tokenText: TokenText,
  parser: OutputParser,
  stop: StopMatcher,
): OutputStream {
  let tokens = 0;
  let hasReasoning = false;
  let hasToolCalls = false;
  let answerBeganAt: number | undefined;

  function take(deltas: readonly OutputDelta[]): OutputStep {
    const taken: OutputDelta[] = [];
    for (const delta of deltas) {
      if (delta.type === 'reasoning') hasReasoning = true;
      else answerBeganAt ??= tokens;
      if (delta.type === 'toolCall') hasToolCalls = true;
      if (delta.type !== 'text') {
        // What was held back of the text before comes first: no stop text goes on behind a call.
        taken.push(...toText(stop.flush()), delta);
        continue;
      }
      const { text, stopped } = stop.push(delta.delta);
      taken.push(...toText(text));
      if (stopped) return { deltas: taken, stopped };
    }
    return { deltas: taken, stopped: false };
  }

  return {
    push(token) {
      tokens++;
      const text = tokenText.push(token);
      return text === '' ? { deltas: [], stopped: false } : take(parser.push(text));
    },
    flush() {
      const rest = take([...parser.push(tokenText.flush()), ...parser.end()]);
      return rest.stopped ? rest.deltas : [...rest.deltas, ...toText(stop.flush())];
    },
    get reasoningTokens() {
      return hasReasoning ? Math.max(0, (answerBeganAt ?? tokens + 1) - 1) : 0;
    },
    get hasToolCalls() {
      return hasToolCalls;
    },
    get stopText() {
      return stop.matched;
    },
  };
}

function toText(delta: string): OutputDelta[] {
  return delta === '' ? [] : [{ type: 'text', delta }];
}
