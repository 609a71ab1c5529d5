import { literal, textWithout, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { createEndMarkerReader } from './endMarker.js';
import { matchMarker } from './markerMatch.js';
import type { OutputParserOptions, ToolGrammar } from './outputFormat.js';
import { createTaggedValue, isStringParameter, type TaggedValue } from './taggedValue.js';

/** The texts of a format that writes every argument between tags of its own. */
export interface TaggedCallsOptions {
  readonly begin: string;
  /** Between the marker and the name. */
  readonly nameBegin: string;
  /** Directly behind the name. */
  readonly nameEnd: string;
  readonly keyBegin: string;
  readonly keyEnd: string;
  /** Before the value, behind white space; '' where `keyEnd` is followed by it. */
  readonly valueBegin: string;
  readonly valueEnd: string;
  /** Behind the last argument. */
  readonly argumentsEnd: string;
  /** Behind `argumentsEnd`; undefined: nothing. */
  readonly end: string | undefined;
  /** White space that the family writes between the tags, and around values (`valuePadding`). */
  readonly padding: string;
  readonly valuePadding: string;
  /** Around all calls. */
  readonly section?: { readonly begin: string; readonly end: string };
}

/** Calls whose arguments are tags: string values are written bare, all others as JSON. */
export function createTaggedCallSyntax(options: TaggedCallsOptions): CallSyntax {
  const { section } = options;
  return {
    begins: [options.begin],
    ...(section ? { ignored: [section.begin, section.end] } : {}),
    createReader: (_begin, sink, tools) => createTaggedCallReader(sink, tools, options),
    grammar: (builder, tools, parallel) => taggedCallsGrammar(builder, tools, parallel, options),
  };
}

type State = 'nameBegin' | 'name' | 'between' | 'key' | 'valueBegin' | 'value' | 'end';

const longestName = 200;

/** Reads one call and writes its arguments as JSON. */
export function createTaggedCallReader(
  sink: CallSink,
  tools: OutputParserOptions['tools'],
  options: TaggedCallsOptions,
): CallReader {
  let state: State = options.nameBegin === '' ? 'name' : 'nameBegin';
  let read = '';
  let name = '';
  let hasArguments = false;
  let value: TaggedValue | undefined;
  const { keyBegin, keyEnd, valueEnd, argumentsEnd } = options;
  const nameEnds = [options.nameEnd, keyBegin, argumentsEnd].filter((text) => text.trim() !== '');
  const endReader = options.end === undefined ? undefined : createEndMarkerReader(options.end);

  function beginArguments(marker: string): ReadingProgress {
    name = read.slice(0, -marker.length).trim();
    if (!/^[A-Za-z0-9_.-]{1,128}$/.test(name)) return 'broken';
    sink.beginCall(name);
    sink.callArguments('{');
    if (marker === options.nameEnd) return next('between');
    return onTag(marker);
  }

  function next(to: State): ReadingProgress {
    state = to;
    read = '';
    return 'more';
  }

  function onTag(tag: string): ReadingProgress {
    if (tag === keyBegin) return next('key');
    sink.callArguments('}');
    next('end');
    return endReader ? 'more' : { unread: '' };
  }

  function readBegin(tag: string, then: State): ReadingProgress {
    const seen = read.trimStart();
    if (seen === tag) return next(then);
    return tag.startsWith(seen) ? 'more' : 'broken';
  }

  function readName(): ReadingProgress {
    const marker = nameEnds.find((text) => read.endsWith(text));
    if (marker !== undefined) return beginArguments(marker);
    return read.length > longestName ? 'broken' : 'more';
  }

  function readBetween(): ReadingProgress {
    const tags = [keyBegin, argumentsEnd];
    const seen = read.trimStart();
    const match = matchMarker(seen, tags);
    if (seen === '' || match.kind === 'partial') return 'more';
    if (match.kind === 'full') return onTag(match.marker);
    // Text between the tags means nothing.
    read = seen.slice(1);
    return 'more';
  }

  function beginValue(key: string): ReadingProgress {
    sink.callArguments(`${hasArguments ? ', ' : ''}${JSON.stringify(key)}: `);
    hasArguments = true;
    value = createTaggedValue({
      isString: isStringParameter(tools, name, key),
      padding: options.valuePadding,
      write: (text) => sink.callArguments(text),
    });
    return next(options.valueBegin === '' ? 'value' : 'valueBegin');
  }

  function readValue(): ReadingProgress {
    const match = matchMarker(read, [valueEnd]);
    if (match.kind === 'partial') return 'more';
    if (match.kind === 'full') {
      value?.end();
      return next('between');
    }
    value?.push(read.charAt(0));
    read = read.slice(1);
    return read === '' ? 'more' : readValue();
  }

  return {
    push: (char): ReadingProgress => {
      if (state === 'end') return endReader?.push(char) ?? { unread: char };
      read += char;
      switch (state) {
        case 'nameBegin':
          return readBegin(options.nameBegin, 'name');
        case 'valueBegin':
          return readBegin(options.valueBegin, 'value');
        case 'name':
          return readName();
        case 'between':
          return readBetween();
        case 'key':
          return read.endsWith(keyEnd) ? beginValue(read.slice(0, -keyEnd.length).trim()) : 'more';
        case 'value':
          return readValue();
      }
    },
  };
}

function taggedCallsGrammar(
  builder: GrammarBuilder,
  tools: readonly ToolGrammar[],
  parallel: boolean,
  options: TaggedCallsOptions,
): string {
  const { begin, nameBegin, nameEnd, argumentsEnd, end = '', padding, section } = options;
  const calls = tools.map((tool) => {
    const head = literal(`${begin}${nameBegin === '' ? '' : padding}${nameBegin}${tool.name}${nameEnd}`);
    return `${head} ${parametersGrammar(builder, tool, options)}`;
  });
  const tail = `${argumentsEnd}${end === '' ? '' : padding}${end}`;
  const call = builder.rule('call', `(${calls.join(' | ')}) ${literal(tail)}`);
  const all = parallel ? `${call} (${literal(padding)} ${call})*` : call;
  return section ? `${literal(section.begin + padding)} ${all} ${literal(padding + section.end)}` : all;
}

function parametersGrammar(builder: GrammarBuilder, tool: ToolGrammar, options: TaggedCallsOptions): string {
  const { keyBegin, valueEnd, padding, valuePadding } = options;
  const keyEnd = options.keyEnd + (options.valueBegin === '' ? '' : padding + options.valueBegin);
  const write = (key: string, valueRule: string | undefined): string => {
    const head = `${key} ${literal(keyEnd + valuePadding)}`;
    const tail = literal(valuePadding + valueEnd + padding);
    if (valueRule !== undefined) return `${literal(keyBegin)} ${head} ${valueRule} ${tail}`;
    return `${literal(keyBegin)} ${head} ${textWithout(builder, [valueEnd])} ${literal(valueEnd + padding)}`;
  };
  const before = literal(padding);
  if (!tool.parameters) {
    const any = builder.rule('any-argument', write('[A-Za-z0-9_.-]+', undefined));
    return `${before} ${any}*`;
  }
  const parameters = tool.parameters.map(({ name, required, valueRule }) => {
    const rule = builder.rule('argument', write(literal(name), valueRule));
    return required ? rule : `${rule}?`;
  });
  return [before, ...parameters].join(' ');
}
