import { literal, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { createEndMarkerReader } from './endMarker.js';
import { createJsonScanner } from './jsonScanner.js';
import type { ToolGrammar } from './outputFormat.js';

/** No name is longer, with all that families write around it. */
const longestHead = 300;

export interface NamedCallsOptions {
  /** Before the name of each call; the first is the family's own. */
  readonly begins: readonly [string, ...string[]];
  /** What stands between the marker and the arguments' `{`; its group `name` is the tool's. */
  readonly head: RegExp;
  /** GBNF of what stands there. */
  readonly writeHead: (name: string) => string;
  /** Behind the arguments. */
  readonly end: string | undefined;
  readonly separator?: string;
  /** Around all calls. */
  readonly section?: { readonly begin: string; readonly end: string };
  /** More texts that mean nothing by themselves. */
  readonly ignored?: readonly string[];
}

/** Calls whose name stands outside of the arguments' JSON object. */
export function createNamedCallSyntax(options: NamedCallsOptions): CallSyntax {
  const { section } = options;
  return {
    begins: options.begins,
    ignored: [...(section ? [section.begin, section.end] : []), ...(options.ignored ?? [])],
    createReader: (_begin, sink) => createNamedCallReader(sink, options),
    grammar: (builder, tools, parallel) => namedCallsGrammar(builder, tools, parallel, options),
  };
}

/** Reads one call from behind its marker: name, arguments, end marker. */
export function createNamedCallReader(
  sink: CallSink,
  { head, end }: Pick<NamedCallsOptions, 'head' | 'end'>,
): CallReader {
  let state: 'head' | 'arguments' | 'end' = 'head';
  let read = '';
  const scanner = createJsonScanner();
  const endReader = end === undefined ? undefined : createEndMarkerReader(end);

  function readArguments(char: string): ReadingProgress {
    const progress = scanner.push(char);
    if (progress === 'broken') return 'broken';
    sink.callArguments(char);
    if (progress === 'more') return 'more';
    state = 'end';
    return endReader ? 'more' : { unread: '' };
  }

  return {
    push: (char) => {
      if (state === 'arguments') return readArguments(char);
      if (state === 'end') return endReader?.push(char) ?? { unread: char };
      if (char !== '{') {
        read += char;
        return read.length > longestHead ? 'broken' : 'more';
      }
      const name = head.exec(read)?.groups?.['name'];
      if (name === undefined) return 'broken';
      sink.beginCall(name);
      state = 'arguments';
      return readArguments(char);
    },
  };
}

function namedCallsGrammar(
  builder: GrammarBuilder,
  tools: readonly ToolGrammar[],
  parallel: boolean,
  { begins, writeHead, end = '', separator = '', section }: NamedCallsOptions,
): string {
  const calls = tools.map(
    ({ name, argumentsRule }) => `${literal(begins[0])} ${writeHead(name)} ${argumentsRule}`,
  );
  const call = builder.rule('call', `(${calls.join(' | ')}) ${literal(end)}`);
  const all = parallel ? `${call} (${literal(separator)} ${call})*` : call;
  return section ? `${literal(section.begin)} ${all} ${literal(section.end)}` : all;
}
