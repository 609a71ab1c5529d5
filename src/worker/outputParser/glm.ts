import type { ModelFamily } from './modelFamily.js';
import { createTaggedCallSyntax } from './taggedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

/** GLM 4.5 and later: `<tool_call>name\n<arg_key>…</arg_key>\n<arg_value>…</arg_value>\n</tool_call>`. */
export const glm: ModelFamily = {
  name: 'glm',
  matches: (template) => template.includes('<arg_key>'),
  createFormat: (template, reasoning) =>
    createTaggedFormat({
      name: 'glm',
      tools: 'template',
      reasoning,
      syntax: createTaggedCallSyntax({
        begin: '<tool_call>',
        nameBegin: '',
        nameEnd: '',
        keyBegin: '<arg_key>',
        keyEnd: '</arg_key>',
        valueBegin: '<arg_value>',
        valueEnd: '</arg_value>',
        argumentsEnd: '</tool_call>',
        end: undefined,
        // GLM 4.7 writes no line breaks between the tags, 4.5 and 4.6 do.
        padding: template.includes('</arg_key><arg_value>') ? '' : '\n',
        valuePadding: '',
      }),
      markers: ['</tool_call>', '<arg_key>', '</arg_key>', '<arg_value>', '</arg_value>'],
    }),
};
