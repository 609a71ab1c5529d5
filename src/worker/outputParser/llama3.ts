import { literal, type GrammarBuilder } from '../grammar/grammarBuilder.js';
import { createCallObjectReader } from './callObject.js';
import type { CallReader, CallSink, CallSyntax, ReadingProgress } from './callSyntax.js';
import { jsonCallRule } from './jsonCalls.js';
import type { ModelFamily } from './modelFamily.js';
import type { OutputParserOptions, ToolGrammar } from './outputFormat.js';
import { createTaggedFormat } from './taggedFormat.js';

const pythonTag = '<|python_tag|>';
const keys = { name: 'name', arguments: ['parameters', 'arguments'] } as const;

/** Calls have no marker: an answer that begins with `{` is one, if it goes on like one. */
const calls: CallSyntax = {
  begins: ['{', pythonTag],
  onlyFirst: true,
  createReader: createLlamaCallsReader,
  grammar: (builder: GrammarBuilder, tools: readonly ToolGrammar[], parallel: boolean) => {
    const call = jsonCallRule(builder, tools, keys);
    return parallel ? `${call} (${literal('; ')} ${call})*` : call;
  },
};

/** Reads `{…}`, and more of them behind a semicolon or white space. */
function createLlamaCallsReader(
  begin: string,
  sink: CallSink,
  tools: OutputParserOptions['tools'],
): CallReader {
  const createObject = (): CallReader =>
    createCallObjectReader(sink, {
      ...keys,
      strict: true,
      ...(tools ? { names: tools.map(({ name }) => name) } : {}),
    });
  let object: CallReader | undefined;
  let between = '';
  let isFirst = true;

  function beginObject(): ReadingProgress {
    object = createObject();
    return object.push('{');
  }

  function push(char: string): ReadingProgress {
    if (object) {
      const progress = object.push(char);
      if (typeof progress === 'string') return progress;
      object = undefined;
      isFirst = false;
      return 'more';
    }
    between += char;
    const seen = between.replace(/^[\s;]+/, '');
    if (seen === '') return 'more';
    if (seen === '{' || seen === `${pythonTag}{`) {
      between = '';
      return beginObject();
    }
    if (pythonTag.startsWith(seen)) return 'more';
    return isFirst ? 'broken' : { unread: between };
  }

  if (begin === '{') beginObject();
  return { push };
}

/** Llama 3.1 to 3.3 and what was made of them. */
export const llama3: ModelFamily = {
  name: 'llama3',
  matches: (template) =>
    template.includes('<|start_header_id|>') &&
    /\{\s*\\?"name\\?": function name, \\?"parameters\\?": /.test(template),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({ name: 'llama3', tools: 'template', reasoning, syntax: calls }),
};
