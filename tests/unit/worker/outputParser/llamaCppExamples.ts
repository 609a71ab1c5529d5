import type { ParsedOutput } from '../../../support/parsedOutput.js';

/** An output of a model as llama.cpp's tests/test-chat.cpp has it, and what is in it. */
export interface OutputExample {
  readonly template: string;
  readonly output: string;
  readonly expected: Partial<ParsedOutput>;
  readonly opensInReasoning?: boolean;
}

const hello = { text: "Hello, world!\nWhat's up?" };
const thoughts = { ...hello, reasoning: "I'm\nthinking" };
const special = (more = ''): ParsedOutput['calls'][number] => ({
  name: 'special_function',
  arguments: `{"arg1": 1${more}}`,
});
const one = { calls: [special()] };
const two = {
  calls: [special(), { name: 'special_function_with_opt', arguments: '{"arg1": 1, "arg2": 2}' }],
};

const hermes = ['Qwen-QwQ-32B', 'Qwen-Qwen2.5-7B-Instruct', 'Qwen-Qwen3-0.6B', 'ibm-granite-granite-4.0'];
const llama3 = ['meta-llama-Llama-3.1-8B-Instruct', 'meta-llama-Llama-3.2-3B-Instruct'];
const xml = ['Qwen3-Coder', 'Qwen3.5-4B', 'NVIDIA-Nemotron-3-Nano-30B-A3B-BF16', 'StepFun3.5-Flash'];
const glm = ['GLM-4.6', 'GLM-4.7-Flash'];

const on = (templates: readonly string[], ...examples: Omit<OutputExample, 'template'>[]): OutputExample[] =>
  templates.flatMap((template) => examples.map((example) => ({ template, ...example })));

export const llamaCppExamples: readonly OutputExample[] = [
  ...on(
    [...hermes, ...llama3, ...xml, ...glm, 'mistralai-Mistral-Nemo-Instruct-2407', 'google-gemma-2-2b-it'],
    { output: "Hello, world!\nWhat's up?", expected: hello },
  ),
  ...on(
    ['Qwen-QwQ-32B', 'Qwen-Qwen3-0.6B', 'Qwen3.5-4B', 'GLM-4.6', 'deepseek-ai-DeepSeek-V3.1'],
    { output: "<think>I'm\nthinking</think>Hello, world!\nWhat's up?", expected: thoughts },
    { output: "<think>\nI'm\nthinking\n</think>\n\nHello, world!\nWhat's up?", expected: thoughts },
    { output: "I'm\nthinking</think>Hello, world!\nWhat's up?", expected: thoughts, opensInReasoning: true },
    { output: "</think>Hello, world!\nWhat's up?", expected: hello, opensInReasoning: true },
  ),
  ...on(
    hermes,
    {
      output: '<tool_call>\n{"name": "special_function", "arguments": {"arg1": 1}}\n</tool_call>',
      expected: one,
    },
    {
      output: '<tool_call>{"name": "special_function", "arguments": {"arg1": 1}}</tool_call>',
      expected: one,
    },
    {
      output:
        'Hello, world!\nWhat\'s up?\n<tool_call>\n{"name": "special_function", "arguments": {"arg1": 1}}',
      expected: { ...hello, ...one },
    },
    {
      output:
        '<tool_call>\n{"name": "special_function", "arguments": {"arg1": 1}}\n</tool_call>\n' +
        '<tool_call>\n{"name": "special_function_with_opt", "arguments": {"arg1": 1, "arg2": 2}}\n</tool_call>',
      expected: two,
    },
  ),
  ...on(
    llama3,
    { output: '{"name": "special_function", "parameters": {"arg1": 1}}', expected: one },
    { output: '{"type": "function", "name": "special_function", "parameters": {"arg1": 1}}', expected: one },
    { output: '<|python_tag|>{"name": "special_function", "parameters": {"arg1": 1}}', expected: one },
    {
      output:
        '{"name": "special_function", "parameters": {"arg1": 1}}; ' +
        '{"name": "special_function_with_opt", "parameters": {"arg1": 1, "arg2": 2}}',
      expected: two,
    },
    {
      output:
        '{"name": "special_function", "parameters": {"arg1": 1}}\n' +
        '<|python_tag|>{"name": "special_function_with_opt", "parameters": {"arg1": 1, "arg2": 2}}\n',
      expected: two,
    },
    { output: '{"name": "Bob", "age": 42}', expected: { text: '{"name": "Bob", "age": 42}' } },
  ),
  ...on(
    ['mistralai-Mistral-Nemo-Instruct-2407'],
    {
      output: '[TOOL_CALLS][{"name": "special_function", "arguments": {"arg1": 1}, "id": "123456789"}]',
      expected: one,
    },
    {
      output:
        'Hello, world!\nWhat\'s up?[TOOL_CALLS] [{"name": "special_function", "arguments": {"arg1": 1}}, ' +
        '{"name": "special_function_with_opt", "arguments": {"arg1": 1, "arg2": 2}}]',
      expected: { ...hello, ...two },
    },
  ),
  ...on(
    [
      'Mistral-Small-3.2-24B-Instruct-2506',
      'unsloth-mistral-Devstral-Small-2507',
      'mistralai-Ministral-3-14B-Reasoning-2512',
    ],
    { output: '[TOOL_CALLS]special_function[CALL_ID]123456789[ARGS]{"arg1": 1}', expected: one },
    {
      output: 'Hello, world!\nWhat\'s up?[TOOL_CALLS]special_function[ARGS]{"arg1": 1}',
      expected: { ...hello, ...one },
    },
    {
      output:
        '[TOOL_CALLS]special_function[CALL_ID]000000001[ARGS]{"arg1": 1}' +
        '[TOOL_CALLS]special_function_with_opt[CALL_ID]000000002[ARGS]{"arg1": 1, "arg2": 2}',
      expected: two,
    },
  ),
  ...on(
    ['mistralai-Ministral-3-14B-Reasoning-2512'],
    { output: "[THINK]I'm\nthinking[/THINK]Hello, world!\nWhat's up?", expected: thoughts },
    {
      output: '[THINK]I\'m\nthinking[/THINK][TOOL_CALLS]special_function[ARGS]{"arg1": 1}',
      expected: { reasoning: "I'm\nthinking", ...one },
    },
  ),
  ...on(
    xml,
    {
      output:
        '<tool_call>\n<function=special_function>\n<parameter=arg1>\n1\n</parameter>\n</function>\n</tool_call>',
      expected: one,
    },
    {
      output:
        '<tool_call>\n<function=special_function>\n<parameter=arg1>\n1\n</parameter>\n</function>\n</tool_call>\n' +
        '<tool_call>\n<function=special_function_with_opt>\n<parameter=arg1>\n1\n</parameter>\n' +
        '<parameter=arg2>\n2\n</parameter>\n</function>\n</tool_call>',
      expected: two,
    },
    {
      output:
        '<tool_call>\n<function=python>\n<parameter=code>\ndef hello():\n    print("Hello, <world>!")\n\nhello()\n' +
        '</parameter>\n</function>\n</tool_call>',
      expected: {
        calls: [
          {
            name: 'python',
            arguments: JSON.stringify({
              code: 'def hello():\n    print("Hello, <world>!")\n\nhello()',
            }).replace('":"', '": "'),
          },
        ],
      },
    },
  ),
  ...on(
    glm,
    {
      output: '<tool_call>special_function\n<arg_key>arg1</arg_key>\n<arg_value>1</arg_value>\n</tool_call>',
      expected: one,
    },
    {
      output:
        "Hello, world!\nWhat's up?<tool_call>special_function<arg_key>arg1</arg_key><arg_value>1</arg_value></tool_call>",
      expected: { ...hello, ...one },
    },
    {
      output: '<tool_call>get_time\n</tool_call>',
      expected: { calls: [{ name: 'get_time', arguments: '{}' }] },
    },
  ),
  ...on(['llama-cpp-deepseek-r1'], {
    output:
      '</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>special_function\n' +
      '```json\n{"arg1": 1}```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    expected: one,
    opensInReasoning: true,
  }),
  ...on(['moonshotai-Kimi-K2'], {
    output:
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.special_function:0<|tool_call_argument_begin|>' +
      '{"arg1": 1}<|tool_call_end|><|tool_call_begin|>functions.special_function_with_opt:1' +
      '<|tool_call_argument_begin|>{"arg1": 1, "arg2": 2}<|tool_call_end|><|tool_calls_section_end|>',
    expected: two,
  }),
  ...on(['MiniMax-M2'], {
    output:
      '<minimax:tool_call>\n<invoke name="special_function">\n<parameter name="arg1">1</parameter>\n</invoke>\n' +
      '</minimax:tool_call>',
    expected: one,
  }),
  ...on(['meetkai-functionary-medium-v3.1'], {
    output: '<function=special_function>{"arg1": 1}</function>',
    expected: one,
  }),
  ...on(['NVIDIA-Nemotron-Nano-v2'], {
    output: '<TOOLCALL>[{"name": "special_function", "arguments": {"arg1": 1}}]</TOOLCALL>',
    expected: one,
  }),
  ...on(
    ['openai-gpt-oss-120b'],
    { output: "<|channel|>final<|message|>Hello, world!\nWhat's up?", expected: hello },
    { output: "<|channel|>commentary<|message|>Hello, world!\nWhat's up?", expected: hello },
    {
      output:
        "<|channel|>analysis<|message|>I'm\nthinking<|end|><|start|>assistant<|channel|>final<|message|>Hello, world!\nWhat's up?",
      expected: thoughts,
    },
    {
      output: ' to=functions.special_function<|channel|>analysis <|constrain|>json<|message|>{"arg1": 1}',
      expected: one,
    },
    { output: '<|channel|>analysis to=functions.special_function<|message|>{"arg1": 1}', expected: one },
    {
      output:
        "<|channel|>analysis<|message|>I'm\nthinking<|end|>" +
        '<|start|>assistant to=functions.special_function<|channel|>analysis<|message|>{"arg1": 1}',
      expected: { reasoning: "I'm\nthinking", ...one },
    },
    {
      output:
        "<|channel|>analysis<|message|>I'm\nthinking<|end|><|start|>assistant<|channel|>commentary " +
        'to=functions.special_function <|constrain|>json<|message|>{"arg1": 1}<|call|>',
      expected: { reasoning: "I'm\nthinking", ...one },
    },
    {
      output:
        "<|channel|>commentary to=assistant<|channel|>analysis<|message|>I'm\nthinking<|end|><|start|>assistant" +
        "<|channel|>final <|constrain|>json<|message|>Hello, world!\nWhat's up?",
      expected: thoughts,
    },
  ),
  ...on(
    ['google-gemma-4-31B-it', 'google-gemma-4-31B-it-interleaved'],
    { output: "<|channel>thought<channel|>Hello, world!\nWhat's up?", expected: hello },
    { output: "<|channel>thought\nI'm\nthinking<channel|>Hello, world!\nWhat's up?", expected: thoughts },
    {
      output: 'Hello, world!\nWhat\'s up?<|tool_call>call:get_time{city:<|"|>Paris<|"|>}<tool_call|>',
      expected: { ...hello, calls: [{ name: 'get_time', arguments: '{"city": "Paris"}' }] },
    },
    {
      output:
        '<|tool_call>call:empty_args{}<tool_call|><|tool_call>call:special_function{arg1:1}<tool_call|>',
      expected: { calls: [{ name: 'empty_args', arguments: '{}' }, special()] },
    },
    {
      output: '<|tool_call>call:f{a:[<|"|>x "y"\n😀<|"|>,-1.5,true],b:{c:null,d:{}},e:"f",g:[]}<tool_call|>',
      expected: {
        calls: [
          {
            name: 'f',
            arguments: '{"a": ["x \\"y\\"\\n😀", -1.5, true], "b": {"c": null, "d": {}}, "e": "f", "g": []}',
          },
        ],
      },
    },
  ),
];
