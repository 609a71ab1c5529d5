import { literal } from '../grammar/grammarBuilder.js';
import type { ModelFamily } from './modelFamily.js';
import { createNamedCallSyntax } from './namedCalls.js';
import { createTaggedFormat } from './taggedFormat.js';

const begin = '<｜tool▁call▁begin｜>';
const separator = '<｜tool▁sep｜>';
const end = '<｜tool▁call▁end｜>';

/**
 * DeepSeek R1 and V3 (`function<｜tool▁sep｜>name`, the arguments in a code block) and V3.1 (`name<｜tool▁sep｜>{…}`), where
 * the template presents the tools; those that do not are asked for the generic form.
 */
export const deepSeek: ModelFamily = {
  name: 'deepSeek',
  matches: (template) => template.includes(begin) && /\{%-? ?if tools\b/.test(template),
  createFormat: (template, reasoning) => {
    const fenced = template.includes('```json');
    return createTaggedFormat({
      name: 'deepSeek',
      tools: 'template',
      reasoning,
      syntax: createNamedCallSyntax({
        begins: [begin],
        head: /^\s*(?:function<｜tool▁sep｜>)?(?<name>[A-Za-z0-9_.-]{1,128})(?:<｜tool▁sep｜>)?\s*(?:```json\s*)?$/,
        writeHead: (name) =>
          literal(fenced ? `function${separator}${name}\n\`\`\`json\n` : `${name}${separator}`),
        end: fenced ? `\`\`\`${end}` : end,
        separator: fenced ? '\n' : '',
        section: { begin: '<｜tool▁calls▁begin｜>', end: '<｜tool▁calls▁end｜>' },
      }),
      markers: [separator, end],
    });
  },
};
