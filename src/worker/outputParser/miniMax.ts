import type { ModelFamily } from './modelFamily.js';
import { createTaggedCallSyntax } from './taggedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

/** MiniMax M2: `<minimax:tool_call>\n<invoke name="…">\n<parameter name="…">…</parameter>\n</invoke>\n…`. */
export const miniMax: ModelFamily = {
  name: 'miniMax',
  matches: (template) => template.includes('<minimax:tool_call>'),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'miniMax',
      tools: 'template',
      reasoning,
      syntax: createTaggedCallSyntax({
        begin: '<invoke name="',
        nameBegin: '',
        nameEnd: '">',
        keyBegin: '<parameter name="',
        keyEnd: '">',
        valueBegin: '',
        valueEnd: '</parameter>',
        argumentsEnd: '</invoke>',
        end: undefined,
        padding: '\n',
        valuePadding: '',
        section: { begin: '<minimax:tool_call>', end: '</minimax:tool_call>' },
      }),
    }),
};
