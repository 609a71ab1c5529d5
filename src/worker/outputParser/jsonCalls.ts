import { literal, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import { createCallObjectReader, type CallObjectKeys } from './callObject.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { createEndMarkerReader } from './endMarker.js';
import { isJsonSpace } from './jsonScanner.js';
import type { ToolGrammar } from './outputFormat.js';

export interface JsonCallsOptions {
  /** The first is the family's own, and written by the grammar. */
  readonly begins: readonly [string, ...string[]];
  /** Behind the object or array; undefined: nothing. */
  readonly end: string | undefined;
  /** `array`: `begin [{…}, {…}] end`; `each`: `begin {…} end` for every call. The reader takes both. */
  readonly shape: 'array' | 'each';
  readonly keys: CallObjectKeys;
  /** White space that the family writes inside the markers and between the calls of `each`. */
  readonly padding?: string;
  /** A member that the family writes before the name; only the grammar of single calls knows its value. */
  readonly ignored?: readonly string[];
}

/** Calls whose name and arguments are members of a JSON object, behind a marker. */
export function createJsonCallSyntax(options: JsonCallsOptions): CallSyntax {
  return {
    begins: options.begins,
    ...(options.ignored ? { ignored: options.ignored } : {}),
    createReader: (_begin, sink) => createJsonCallsReader(sink, options),
    grammar: (builder, tools, parallel) => jsonCallsGrammar(builder, tools, parallel, options),
  };
}

/** Reads `{…}` or `[{…}, …]` and then the end marker. */
export function createJsonCallsReader(
  sink: CallSink,
  { end, keys }: Pick<JsonCallsOptions, 'end' | 'keys'>,
): CallReader {
  let state: 'open' | 'next' | 'call' | 'behind' | 'end' = 'open';
  let isArray = false;
  let reader: CallReader | undefined;
  const endReader = end === undefined ? undefined : createEndMarkerReader(end);

  function close(): ReadingProgress {
    state = 'end';
    return endReader ? 'more' : { unread: '' };
  }

  function beginObject(char: string): ReadingProgress {
    reader = createCallObjectReader(sink, { ...keys, strict: false });
    state = 'call';
    return reader.push(char);
  }

  function push(char: string): ReadingProgress {
    if (state === 'end') return endReader?.push(char) ?? { unread: char };
    if (state === 'call') {
      const progress = reader?.push(char) ?? 'broken';
      if (typeof progress === 'string') return progress;
      if (!isArray) return close();
      state = 'behind';
      return 'more';
    }
    if (isJsonSpace(char)) return 'more';
    if (state === 'open' && char === '[') {
      isArray = true;
      state = 'next';
      return 'more';
    }
    if (state === 'behind') {
      if (char === ',') state = 'next';
      return char === ',' ? 'more' : char === ']' ? close() : 'broken';
    }
    return char === '{' ? beginObject(char) : 'broken';
  }

  return { push };
}

function jsonCallsGrammar(
  builder: GrammarBuilder,
  tools: readonly ToolGrammar[],
  parallel: boolean,
  { begins, end = '', shape, keys, padding = '' }: JsonCallsOptions,
): string {
  const call = jsonCallRule(builder, tools, keys);
  const [begin] = begins;
  if (shape === 'each') {
    const one = builder.rule('marked-call', `${literal(begin + padding)} ${call} ${literal(padding + end)}`);
    return parallel ? `${one} (${literal(padding)} ${one})*` : one;
  }
  const more = parallel ? ` (", " ${call})*` : '';
  return `${literal(`${begin}${padding}[`)} ${call}${more} ${literal(`]${padding}${end}`)}`;
}

/** Rule of one call's object: `{"name": "…", "arguments": {…}}`, as templates write it. */
export function jsonCallRule(
  builder: GrammarBuilder,
  tools: readonly ToolGrammar[],
  keys: CallObjectKeys,
): string {
  const calls = tools.map(({ name, argumentsRule }) => {
    const head = `{${JSON.stringify(keys.name)}: ${JSON.stringify(name)}, ${JSON.stringify(keys.arguments[0])}: `;
    return `${literal(head)} ${argumentsRule} "}"`;
  });
  return builder.rule('call', calls.join(' | '));
}
