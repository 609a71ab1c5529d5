import { literal, textWithout, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { CallSyntax } from './callSyntax.js';
import type { OutputGrammarOptions, ReasoningTags } from './outputFormat.js';

/** Models put an empty line behind their reasoning, and the parser drops it. */
const gap = '"\\n"? "\\n"?';

/**
 * GBNF rule of everything that a model may write: a reasoning block of any text, then text, calls, or text and calls.
 * The text of `auto` holds no marker that begins calls, so that a call that has begun is always whole.
 */
export function answerGrammar(
  builder: GrammarBuilder,
  reasoning: ReasoningTags | undefined,
  syntax: CallSyntax | undefined,
  options: OutputGrammarOptions,
): string {
  const answer = builder.rule('answer', answerBody(builder, reasoning, syntax, options));
  if (!reasoning) return answer;
  // Not `textUntil`: a block that may stay open would be a way around a call that is required.
  const rest = `${textWithout(builder, [reasoning.end])} ${literal(reasoning.end)} ${gap} ${answer}`;
  if (options.opensInReasoning) return builder.rule('output', rest);
  if (!options.reasons) return answer;
  return builder.rule('output', `${literal(reasoning.begin)} ${rest} | ${answer}`);
}

function answerBody(
  builder: GrammarBuilder,
  reasoning: ReasoningTags | undefined,
  syntax: CallSyntax | undefined,
  { tools, choice, parallel, content }: OutputGrammarOptions,
): string {
  const calls = syntax && tools.length > 0 ? syntax.grammar(builder, tools, parallel) : undefined;
  if (calls !== undefined && choice === 'required') return calls;
  const markers = [
    ...(calls === undefined ? [] : (syntax?.begins ?? [])),
    ...(reasoning ? [reasoning.begin] : []),
  ];
  if (calls === undefined) return content ?? textWithout(builder, markers);
  if (content !== undefined) return `${content} | ${calls}`;
  if (syntax?.onlyFirst) return `${calls} | ${textThatIsNoCall(builder, markers)}`;
  return `${textWithout(builder, markers)} (${calls})?`;
}

/** Where calls have no marker of their own, an answer with one of their first characters would be one. */
function textThatIsNoCall(builder: GrammarBuilder, markers: readonly string[]): string {
  const first = new Set(markers.map((marker) => marker.charAt(0)));
  const longer = markers.filter((marker) => marker.length > 1);
  return `([^ \\t\\r\\n${[...first].join('')}] ${textWithout(builder, longer)})?`;
}
