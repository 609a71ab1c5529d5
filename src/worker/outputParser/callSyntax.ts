import type { GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { OutputParserOptions, ToolGrammar } from './outputFormat.js';

/** Where a reader puts what it understood. */
export interface CallSink {
  beginCall(name: string): void;
  callArguments(delta: string): void;
}

/**
 * `more`: the calls go on. `broken`: this is no call; only while nothing was emitted. `unread`: the calls are over, and
 * this end of what was read is not part of them.
 */
export type ReadingProgress = 'more' | 'broken' | { readonly unread: string };

export const callsEnd: ReadingProgress = { unread: '' };

/** Reads calls one UTF-16 unit at a time, so that cuts cannot matter. */
export interface CallReader {
  push(char: string): ReadingProgress;
}

/** How a family writes its calls. */
export interface CallSyntax {
  /** A text beginning with one of these is a call, or several. None may be the beginning of another. */
  readonly begins: readonly string[];
  /** Calls begin only where the answer begins. */
  readonly onlyFirst?: boolean;
  /** Texts around calls and answers that mean nothing by themselves. */
  readonly ignored?: readonly string[];
  /** Reads what follows the marker. */
  createReader(begin: string, sink: CallSink, tools: OutputParserOptions['tools']): CallReader;
  /** GBNF of one call or several, their markers included. */
  grammar(builder: GrammarBuilder, tools: readonly ToolGrammar[], parallel: boolean): string;
}
