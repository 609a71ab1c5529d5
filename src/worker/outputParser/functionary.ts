import { literal } from '../grammar/grammarBuilder.js';
import type { ModelFamily } from './modelFamily.js';
import { createNamedCallSyntax } from './namedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

/** Functionary 3.1: `<function=name>{…}</function>`. */
export const functionary: ModelFamily = {
  name: 'functionary',
  matches: (template) => /<function=[^\n]{1,40}>\{/.test(template) && !template.includes('<parameter='),
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'functionary',
      tools: 'template',
      reasoning,
      syntax: createNamedCallSyntax({
        begins: ['<function='],
        head: /^(?<name>[A-Za-z0-9_.-]{1,128})>\s*$/,
        writeHead: (name) => literal(`${name}>`),
        end: '</function>',
      }),
    }),
};
