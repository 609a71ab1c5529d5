import { literal, textWithout, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { createEndMarkerReader } from './endMarker.js';
import { createGemmaNotationReader, gemmaQuote } from './gemmaNotation.js';
import type { ModelFamily } from './modelFamily.js';
import type { ToolGrammar, ToolParameterGrammar } from './outputFormat.js';
import { createTaggedFormat } from './taggedFormat.js';

const begin = '<|tool_call>';
const end = '<tool_call|>';

const calls: CallSyntax = {
  begins: [begin],
  createReader: (_begin, sink) => createGemmaReader(sink),
  grammar: (builder, tools, parallel) => {
    const all = tools.map(
      (tool) => `${literal(`${begin}call:${tool.name}`)} ${argumentsGrammar(builder, tool)}`,
    );
    const call = builder.rule('call', `(${all.join(' | ')}) ${literal(end)}`);
    return parallel ? `${call}+` : call;
  },
};

/** Reads `call:name{…}` and the end marker. */
function createGemmaReader(sink: CallSink): CallReader {
  let head = '';
  let state: 'head' | 'arguments' | 'end' = 'head';
  const notation = createGemmaNotationReader((json) => sink.callArguments(json));
  const endReader = createEndMarkerReader(end);

  function readArguments(char: string): ReadingProgress {
    const progress = notation.push(char);
    if (progress === 'broken') return 'broken';
    if (progress === 'last') state = 'end';
    return 'more';
  }

  return {
    push: (char) => {
      if (state === 'end') return endReader.push(char);
      if (state === 'arguments') return readArguments(char);
      if (char !== '{') {
        head += char;
        return head.length > 200 ? 'broken' : 'more';
      }
      const name = /^\s*call:(?<name>[A-Za-z0-9_.-]{1,128})\s*$/.exec(head)?.groups?.['name'];
      if (name === undefined) return 'broken';
      sink.beginCall(name);
      state = 'arguments';
      return readArguments(char);
    },
  };
}

/** In Gemma's own notation where the parameters are known one by one, else in JSON, which is read as well. */
function argumentsGrammar(builder: GrammarBuilder, { parameters, argumentsRule }: ToolGrammar): string {
  if (!parameters?.every(({ isString, valueRule }) => isString || valueRule !== undefined))
    return argumentsRule;
  const write = ({ name, isString, valueRule }: ToolParameterGrammar): string => {
    const value = valueRule ?? textWithout(builder, [gemmaQuote]);
    const quote = isString ? literal(gemmaQuote) : '';
    return `${literal(`${name}:`)} ${quote} ${value} ${quote}`;
  };
  // From the last to the first: what may follow where something came before, and where nothing did.
  let rest = '""';
  let first = '""';
  for (const parameter of [...parameters].reverse()) {
    const here = builder.rule('argument', write(parameter));
    const [withIt, firstWithIt] = [`"," ${here} ${rest}`, `${here} ${rest}`];
    first = builder.rule('arguments', parameter.required ? firstWithIt : `${firstWithIt} | ${first}`);
    rest = builder.rule('more-arguments', parameter.required ? withIt : `${withIt} | ${rest}`);
  }
  return `"{" ${first} "}"`;
}

/** Gemma 4; earlier ones have no syntax for tools and are asked for the generic form. */
export const gemma: ModelFamily = {
  name: 'gemma',
  matches: (template) => template.includes(begin) && template.includes(end),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'gemma',
      tools: 'template',
      reasoning,
      syntax: calls,
      markers: [end, gemmaQuote, '<|channel>'],
    }),
};
