import { literal, textWithout, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { ModelFamily } from './modelFamily.js';
import { createNamedCallSyntax } from './namedCalls.js';
import type { OutputFormat, OutputGrammarOptions } from './outputFormat.js';
import { createTaggedOutputParser } from './taggedOutput.js';

const analysis = '<|channel|>analysis<|message|>';
const end = '<|end|>';
const turn = '<|start|>assistant';
const reasoning = { begin: analysis, end };

/** A call is a message to `functions.…`; the recipient stands in the role or in the channel, in any channel. */
const calls = createNamedCallSyntax({
  begins: ['<|channel|>commentary to=functions.', '<|channel|>analysis to=functions.', ' to=functions.'],
  head: /^(?<name>[A-Za-z0-9_.-]{1,128})(?:<\|channel\|>[a-z]+)?\s*(?:<\|constrain\|>\s*[a-z]+)?\s*<\|message\|>\s*$/,
  writeHead: (name) => literal(`${name} <|constrain|>json<|message|>`),
  // The token ends the generation, so that a grammar ends before it.
  end: undefined,
  ignored: [
    '<|channel|>final<|message|>',
    '<|channel|>final <|constrain|>json<|message|>',
    '<|channel|>commentary<|message|>',
    '<|channel|>commentary to=assistant',
    turn,
    end,
    '<|call|>',
    '<|return|>',
  ],
});

/** OpenAI's gpt-oss: the "harmony" format, https://cookbook.openai.com/articles/openai-harmony. */
export const gptOss: ModelFamily = {
  name: 'gptOss',
  matches: (template) => template.includes('<|channel|>') && template.includes('<|message|>'),
  createFormat: (): OutputFormat => ({
    name: 'gptOss',
    tools: 'template',
    reasoning,
    markers: [
      analysis,
      ...calls.begins,
      ...(calls.ignored ?? []),
      '<|constrain|>',
      '<|message|>',
      '<|channel|>',
      '<|start|>',
    ],
    createParser: (options) => createTaggedOutputParser(reasoning, calls, options),
    grammarRule,
  }),
};

/** Analysis first, then the answer in the final channel, or one call: the model makes no parallel ones. */
function grammarRule(builder: GrammarBuilder, options: OutputGrammarOptions): string {
  const text = options.content ?? textWithout(builder, ['<|start|>', end, '<|channel|>', '<|message|>']);
  const final = `${literal('<|channel|>final<|message|>')} ${text}`;
  const call = options.tools.length > 0 ? calls.grammar(builder, options.tools, false) : undefined;
  const body = call === undefined ? final : options.choice === 'required' ? call : `${final} | ${call}`;
  const answer = builder.rule('answer', body);
  const thoughts = `${textWithout(builder, [end])} ${literal(end + turn)} ${answer}`;
  if (options.opensInReasoning) return builder.rule('output', thoughts);
  if (!options.reasons) return answer;
  return builder.rule('output', `${literal(analysis)} ${thoughts} | ${answer}`);
}
