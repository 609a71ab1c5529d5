import type { ModelFamily } from './modelFamily.js';
import { createTaggedCallSyntax } from './taggedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

const tags = {
  nameBegin: '<function=',
  nameEnd: '>',
  keyBegin: '<parameter=',
  keyEnd: '>',
  valueBegin: '',
  valueEnd: '</parameter>',
  argumentsEnd: '</function>',
  padding: '\n',
};

/** Qwen3-Coder, Qwen3.5, Nemotron 3, Step 3.5: `<tool_call>\n<function=…>\n<parameter=…>\n…\n</parameter>\n…`. */
export const qwenCoder: ModelFamily = {
  name: 'qwenCoder',
  matches: (template) => template.includes('<tool_call>') && template.includes('<parameter='),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'qwenCoder',
      tools: 'template',
      reasoning,
      syntax: createTaggedCallSyntax({
        ...tags,
        begin: '<tool_call>',
        end: '</tool_call>',
        valuePadding: '\n',
      }),
      markers: ['</tool_call>'],
    }),
};

/** ByteDance's Seed: the same tags with other ones around them, and values without line breaks. */
export const seed: ModelFamily = {
  name: 'seed',
  matches: (template) => template.includes('<seed:tool_call>') || template.includes('seed:tool_call'),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'seed',
      tools: 'template',
      reasoning,
      syntax: createTaggedCallSyntax({
        ...tags,
        begin: '<seed:tool_call>',
        end: '</seed:tool_call>',
        valuePadding: '',
      }),
      markers: ['</seed:tool_call>'],
    }),
};
