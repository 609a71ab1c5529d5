import { createJsonCallSyntax, type JsonCallsOptions } from './jsonCalls.js';
import type { ModelFamily } from './modelFamily.js';
import { createTaggedFormat } from './taggedFormat.js';

const nameAndArguments = { name: 'name', arguments: ['arguments', 'parameters'] } as const;

interface ListFamily extends Pick<JsonCallsOptions, 'keys' | 'end' | 'padding'> {
  readonly name: string;
  readonly begin: string;
  readonly matches: (template: string) => boolean;
}

const families: readonly ListFamily[] = [
  {
    name: 'nemotron',
    matches: (template) => template.includes('<TOOLCALL>['),
    begin: '<TOOLCALL>',
    end: '</TOOLCALL>',
    keys: nameAndArguments,
  },
  {
    name: 'apriel',
    matches: (template) => template.includes('<tool_calls>['),
    begin: '<tool_calls>',
    end: '</tool_calls>',
    keys: nameAndArguments,
  },
  {
    name: 'granite3',
    matches: (template) => template.includes('<|tool_call|>'),
    begin: '<|tool_call|>',
    end: undefined,
    keys: nameAndArguments,
  },
  {
    name: 'firefunction',
    matches: (template) => template.includes('functools['),
    begin: 'functools',
    end: undefined,
    keys: nameAndArguments,
  },
];

/** Families that write all calls as one JSON array behind a marker. */
export const listFamilies: readonly ModelFamily[] = families.map(
  ({ name, matches, begin, end, keys, padding }) => ({
    name,
    matches,
    createFormat: (_template, reasoning) =>
      createTaggedFormat({
        name,
        tools: 'template',
        reasoning,
        syntax: createJsonCallSyntax({
          begins: [begin],
          end,
          shape: 'array',
          keys,
          ...(padding === undefined ? {} : { padding }),
        }),
        ...(end === undefined ? {} : { markers: [end] }),
      }),
  }),
);
