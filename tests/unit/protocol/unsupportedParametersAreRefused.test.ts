import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../src/protocol/apiError.js';
import { refuseUnsupportedParameters } from '../../../src/protocol/openai/unsupportedParameters.js';

/** Name, values that ask for nothing, values that ask for something. */
const table: [name: string, neutral: unknown[], asking: unknown[]][] = [
  ['functions', [[]], [[{ name: 'f' }]]],
  ['function_call', ['none', 'auto'], [{ name: 'f' }]],
  ['modalities', [['text']], [['text', 'audio'], ['audio'], 'text']],
  ['audio', [], [{ voice: 'alloy', format: 'wav' }]],
  ['web_search_options', [], [{}]],
  ['moderation', [], [{ model: 'm' }]],
  ['typical_p', [1], [0.9]],
  ['mirostat', [0], [2]],
  ['grammar', [], ['root ::= "a"']],
  ['json_schema', [], [{ type: 'object' }]],
  ['guided_json', [], [{ type: 'object' }]],
  ['guided_regex', [], ['a+']],
  ['guided_grammar', [], ['root ::= "a"']],
  ['guided_choice', [], [['a']]],
  ['chat_template', [], ['{{ messages }}']],
  ['add_generation_prompt', [true], [false]],
  ['continue_final_message', [false], [true]],
  ['stop_token_ids', [[]], [[2]]],
  ['min_tokens', [0], [5]],
  ['best_of', [1], [3]],
];

/** Every name that is looked for, in the order of the table. */
function readNames(): string[] {
  const names: string[] = [];
  refuseUnsupportedParameters(new Proxy({}, { get: (_body, name) => void names.push(String(name)) }));
  return names;
}

describe('parameters that are not supported', () => {
  it('are all tested here', () => {
    expect(table.map(([name]) => name)).toEqual(readNames());
  });

  it.each(table)('%s passes while it asks for nothing', (name, neutral) => {
    for (const value of [...neutral, null, undefined]) {
      expect(() => refuseUnsupportedParameters({ [name]: value })).not.toThrow();
    }
  });

  it.each(table)('%s is refused by its name when it asks for something', (name, _neutral, asking) => {
    for (const value of asking) {
      let thrown: unknown;
      try {
        refuseUnsupportedParameters({ model: 'm', messages: [], [name]: value });
      } catch (error) {
        thrown = error;
      }
      expect(thrown, JSON.stringify(value)).toBeInstanceOf(ApiError);
      expect((thrown as ApiError).toBody()).toEqual({
        error: {
          message: `Unsupported parameter: '${name}' is not supported by this server yet. Leave it out.`,
          type: 'invalid_request_error',
          param: name,
          code: 'unsupported_parameter',
        },
      });
    }
  });

  it.each([
    ['user', 'ann'],
    ['metadata', { a: '1' }],
    ['store', true],
    ['service_tier', 'auto'],
    ['verbosity', 'low'],
    ['prediction', { type: 'content', content: 'x' }],
    ['safety_identifier', 'x'],
    ['prompt_cache_key', 'x'],
    ['parallel_tool_calls', true],
    ['seed', 5],
    ['temperature', 0.5],
  ])('%s changes nothing that is promised, and passes', (name, value) => {
    expect(() => refuseUnsupportedParameters({ [name]: value })).not.toThrow();
  });
});
