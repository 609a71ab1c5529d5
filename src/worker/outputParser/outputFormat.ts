import type { OutputDelta } from '../../protocol/generation.js';
import type { ToolDefinition } from '../../protocol/generateRequest.js';
import type { GrammarBuilder } from '../grammar/grammarBuilder.js';

/**
 * Takes a model's text apart while it is generated. What comes out depends on the text alone, not on how it was cut:
 * other cuts give the same text, reasoning and calls in other pieces.
 */
export interface OutputParser {
  push(text: string): OutputDelta[];
  /** The generation ended: what was held back. A call that had not begun to be emitted becomes text. */
  end(): OutputDelta[];
}

export interface OutputParserOptions {
  /** False: what looks like a call is text. */
  readonly parseToolCalls: boolean;
  /** The prompt ended inside an open reasoning block. */
  readonly opensInReasoning: boolean;
  /**
   * The tools that the model was given. Formats that write values without JSON's quotes need their types, and those
   * whose calls have no marker the names; without it both are guessed from the text.
   */
  readonly tools?: readonly Pick<ToolDefinition, 'name' | 'parameters'>[];
}

/** A property of a tool's arguments, for formats that write each value by itself. */
export interface ToolParameterGrammar {
  readonly name: string;
  readonly required: boolean;
  /** The property's schema allows strings only: its text is written without quotes. */
  readonly isString: boolean;
  /** Rule of the value: its JSON, or the bare text where `isString`; undefined: any. */
  readonly valueRule: string | undefined;
}

export interface ToolGrammar {
  readonly name: string;
  /** Rule of the arguments' JSON object. */
  readonly argumentsRule: string;
  /** The properties in order; without it formats that need them take any names and values. */
  readonly parameters?: readonly ToolParameterGrammar[] | undefined;
}

export interface OutputGrammarOptions {
  readonly tools: readonly ToolGrammar[];
  /** `auto`: text and then maybe calls; `required`: at least one call and no text. */
  readonly choice: 'auto' | 'required';
  /** False: one call at most. */
  readonly parallel: boolean;
  /** Rule that the text must follow; undefined: any text. */
  readonly content: string | undefined;
  /** The prompt ended inside an open reasoning block. */
  readonly opensInReasoning: boolean;
  /** A reasoning block may come first, where the family has one. */
  readonly reasons: boolean;
}

/** How one family of models writes tool calls and reasoning. */
export interface OutputFormat {
  readonly name: string;
  /**
   * Whether the chat template itself presents tools and calls in this format. Otherwise the prompt has to ask for the
   * format in words.
   */
  readonly tools: 'template' | 'prompt';
  /** What begins and ends a reasoning block, if the family has one. */
  readonly reasoning: ReasoningTags | undefined;
  /**
   * Texts that begin or end something. A control token whose text is one of them, or stands in one of them, has to
   * reach the parser as text.
   */
  readonly markers: readonly string[];
  createParser(options: OutputParserOptions): OutputParser;
  /** Name of the GBNF rule of the whole answer: reasoning, text and calls. */
  grammarRule(builder: GrammarBuilder, options: OutputGrammarOptions): string;
}

export interface ReasoningTags {
  readonly begin: string;
  readonly end: string;
}
