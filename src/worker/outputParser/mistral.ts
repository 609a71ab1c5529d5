import { literal } from '../grammar/grammarBuilder.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { createJsonCallSyntax, createJsonCallsReader } from './jsonCalls.js';
import { isJsonSpace } from './jsonScanner.js';
import type { ModelFamily } from './modelFamily.js';
import { createNamedCallReader, createNamedCallSyntax, type NamedCallsOptions } from './namedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

const begin = '[TOOL_CALLS]';

const listOptions = {
  begins: [begin],
  end: undefined,
  shape: 'array',
  keys: { name: 'name', arguments: ['arguments', 'parameters'] },
} as const;

const namedOptions: NamedCallsOptions = {
  begins: [begin],
  head: /^\s*(?<name>[A-Za-z0-9_.-]{1,128})(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?\s*$/,
  writeHead: (name) => literal(`${name}[ARGS]`),
  end: undefined,
};

/** Both forms begin with the same marker; what follows it tells them apart. */
function createMistralReader(_begin: string, sink: CallSink): CallReader {
  let reader: CallReader | undefined;
  return {
    push: (char): ReadingProgress => {
      if (!reader && isJsonSpace(char)) return 'more';
      reader ??=
        char === '[' || char === '{'
          ? createJsonCallsReader(sink, listOptions)
          : createNamedCallReader(sink, namedOptions);
      return reader.push(char);
    },
  };
}

function createMistralFamily(name: string, matches: ModelFamily['matches'], syntax: CallSyntax): ModelFamily {
  return {
    name,
    matches,
    createFormat: (_template, reasoning) =>
      createTaggedFormat({
        name,
        tools: 'template',
        reasoning,
        syntax: { ...syntax, createReader: createMistralReader },
        markers: ['[ARGS]', '[CALL_ID]'],
      }),
  };
}

/** Tokenizers v11 and later: `[TOOL_CALLS]name[ARGS]{…}` for every call. */
export const mistralNamed = createMistralFamily(
  'mistralNamed',
  (template) => template.includes(begin) && template.includes('[ARGS]'),
  createNamedCallSyntax(namedOptions),
);

/** Tokenizers v3 to v7: `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`. */
export const mistralList = createMistralFamily(
  'mistralList',
  (template) => template.includes(begin),
  createJsonCallSyntax(listOptions),
);
