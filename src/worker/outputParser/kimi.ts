import { literal } from '../grammar/grammarBuilder.js';
import type { ModelFamily } from './modelFamily.js';
import { createNamedCallSyntax } from './namedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

const argumentsBegin = '<|tool_call_argument_begin|>';
const end = '<|tool_call_end|>';

/** Kimi K2: `<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}<|tool_call_end|>` in a section. */
export const kimi: ModelFamily = {
  name: 'kimi',
  matches: (template) => template.includes('<|tool_calls_section_begin|>'),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'kimi',
      tools: 'template',
      reasoning,
      syntax: createNamedCallSyntax({
        begins: ['<|tool_call_begin|>'],
        head: /^\s*(?:functions\.)?(?<name>[A-Za-z0-9_.-]{1,128}?)(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*$/,
        writeHead: (name) => `${literal(`functions.${name}:`)} [0-9] [0-9]? ${literal(argumentsBegin)}`,
        end,
        section: { begin: '<|tool_calls_section_begin|>', end: '<|tool_calls_section_end|>' },
      }),
      markers: [argumentsBegin, end],
    }),
};
