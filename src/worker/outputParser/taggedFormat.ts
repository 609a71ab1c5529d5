import { answerGrammar } from './answerGrammar.js';
import type { CallSyntax } from './callSyntax.js';
import type { OutputFormat, ReasoningTags } from './outputFormat.js';
import { createTaggedOutputParser } from './taggedOutput.js';

export interface TaggedFormatOptions {
  readonly name: string;
  readonly tools: OutputFormat['tools'];
  readonly reasoning: ReasoningTags | undefined;
  readonly syntax: CallSyntax;
  /** More texts that have to reach the parser. */
  readonly markers?: readonly string[];
}

/** An output format made of reasoning tags and a syntax for calls. */
export function createTaggedFormat({
  name,
  tools,
  reasoning,
  syntax,
  markers,
}: TaggedFormatOptions): OutputFormat {
  return {
    name,
    tools,
    reasoning,
    markers: [
      ...(reasoning ? [reasoning.begin, reasoning.end] : []),
      ...syntax.begins,
      ...(syntax.ignored ?? []),
      ...(markers ?? []),
    ],
    createParser: (options) => createTaggedOutputParser(reasoning, syntax, options),
    grammarRule: (builder, options) => answerGrammar(builder, reasoning, syntax, options),
  };
}
