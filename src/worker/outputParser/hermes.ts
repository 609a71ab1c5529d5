import { createJsonCallSyntax } from './jsonCalls.js';
import type { ModelFamily } from './modelFamily.js';
import { createTaggedFormat } from './taggedFormat.js';

/** `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`: also what the generic form asks for. */
export const hermesCalls = createJsonCallSyntax({
  begins: ['<tool_call>'],
  end: '</tool_call>',
  shape: 'each',
  keys: { name: 'name', arguments: ['arguments', 'parameters'] },
  padding: '\n',
});

/** Hermes 2 and 3, Qwen 2.5 and 3, QwQ, Granite 4 and the many models trained on their data. */
export const hermes: ModelFamily = {
  name: 'hermes',
  matches: (template) =>
    template.includes('<tool_call>') &&
    /\\?"name\\?": ?/.test(template) &&
    !template.includes('<function=') &&
    !template.includes('<arg_key>'),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'hermes',
      tools: 'template',
      reasoning,
      syntax: hermesCalls,
      markers: ['</tool_call>'],
    }),
};
