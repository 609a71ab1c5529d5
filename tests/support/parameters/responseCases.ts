import { paddingCases, refusedCases, samplingCases, templateCases } from './chatCases.js';
import {
  answers,
  becomes,
  below,
  each,
  ignored,
  reaches,
  refused,
  shownBy,
  type ParameterCases,
} from './parameterCase.js';

const stored = 'tests/integration/controller/responsesAreStored.test.ts';
const user = { role: 'user', content: 'Hi' };
const assistant = (content: unknown) => ({ role: 'assistant', content });
const inFront = (...items: object[]) => ({ input: [...items, user] });
const call = { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{"a":1}' };
const result = { type: 'function_call_output', call_id: 'call_1', output: 'ok' };
const part = (fields: object) => ({ type: 'input_text', text: 'Hi', ...fields });
const thought = (fields: object) => ({ type: 'reasoning', id: 'rs_1', summary: [], ...fields });

const called = becomes(inFront(call, result), {
  messages: [
    { toolCalls: [{ id: 'call_1', name: 'f', arguments: '{"a":1}' }] },
    { role: 'tool', toolCallId: 'call_1', content: 'ok' },
    user,
  ],
});
const calledAnd = (callFields: object, resultFields: object = {}) =>
  ignored(inFront({ ...call, ...callFields }, { ...result, ...resultFields }), inFront(call, result));
const outputOf = (parts: object) =>
  becomes(inFront(call, { ...result, output: [parts] }), {
    messages: [{}, { role: 'tool', content: 'so' }, user],
  });
const summed = becomes(
  inFront(thought({ summary: [{ type: 'summary_text', text: 'Hm.' }] }), assistant('a')),
  {
    messages: [{ role: 'assistant', reasoning: 'Hm.' }, user],
  },
);
const textParts = becomes(
  { input: [{ role: 'user', content: [part({ text: 'Ho' })] }] },
  { messages: [{ content: 'Ho' }] },
);
const said = { type: 'output_text', text: 'a' };

const inputCases: ParameterCases = {
  input: reaches({ input: 'Ho' }, { messages: [{ role: 'user', content: 'Ho' }] }),
  ...below('input[].', {
    ...each(
      ['type', 'role', 'content'],
      becomes(inFront({ type: 'message', role: 'developer', content: 'Ho' }), {
        messages: [{ role: 'developer', content: 'Ho' }, user],
      }),
    ),
    ...each(['content[].type', 'content[].text'], textParts),
    'content[].refusal': becomes(inFront(assistant([{ type: 'refusal', refusal: 'No.' }])), {
      messages: [{ role: 'assistant', content: 'No.' }, user],
    }),
    'content[].annotations': ignored(
      inFront(assistant([{ ...said, annotations: [] }])),
      inFront(assistant([said])),
    ),
    'content[].logprobs': ignored(
      inFront(assistant([{ ...said, logprobs: [] }])),
      inFront(assistant([said])),
    ),
    'content[].prompt_cache_breakpoint': ignored({
      input: [{ role: 'user', content: [part({ prompt_cache_breakpoint: { mode: 'explicit' } })] }],
    }),
    phase: ignored(inFront({ ...assistant('a'), phase: 'commentary' }), inFront(assistant('a'))),
    status: ignored(inFront({ ...assistant('a'), status: 'completed' }), inFront(assistant('a'))),
    ...each(['call_id', 'name', 'arguments', 'output'], called),
    caller: calledAnd({ caller: { type: 'direct' } }),
    namespace: calledAnd({ namespace: 'crm' }),
    ...each(['output[].type', 'output[].text'], outputOf(part({ text: 'so' }))),
    'output[].refusal': outputOf({ type: 'refusal', refusal: 'so' }),
    'output[].prompt_cache_breakpoint': calledAnd(
      {},
      {
        output: [part({ text: 'ok', prompt_cache_breakpoint: { mode: 'explicit' } })],
      },
    ),
    ...each(['summary', 'summary[].text'], summed),
    'summary[].type': ignored(
      inFront(thought({ summary: [{ type: 'summary_text', text: 'Hm.' }] })),
      inFront(thought({ summary: [{ text: 'Hm.' }] })),
    ),
    encrypted_content: ignored(
      inFront(thought({ encrypted_content: 'x', content: [{ type: 'reasoning_text', text: 'Hm.' }] })),
      inFront(thought({ content: [{ type: 'reasoning_text', text: 'Hm.' }] })),
    ),
    id: shownBy(stored),
  }),
};

const schema = { type: 'array' };
const parameters = { type: 'object', properties: {} };
const tool = (name: string, fields: object = {}) => ({ type: 'function', name, ...fields });
const tools = [tool('f'), tool('g')];
const offered = (fields: object) =>
  reaches({ tools: [tool('f', fields)] }, { tools: [{ name: 'f', ...fields }] });
const offeredAnd = (name: string, asking: unknown, neutral: unknown) =>
  refused(
    { tools: [tool('f', { [name]: asking })] },
    {
      param: `tools[0].${name}`,
      neutral: [{ tools: [tool('f', { [name]: neutral })] }],
      beside: { tools: [tool('f')] },
    },
  );
const choose = (tool_choice: unknown, worker: object) => reaches({ tool_choice }, worker, { tools });
const allowed = choose(
  { type: 'allowed_tools', mode: 'required', tools: [tool('g')] },
  { toolChoice: 'required', tools: [{ name: 'g' }] },
);

const fitting = (fields: object) => ({
  text: { format: { type: 'json_schema', name: 'a', schema, ...fields } },
});
const withLogprobs = { include: ['message.output_text.logprobs'] };
const unsupported = (name: string, asking: unknown, ...neutral: unknown[]) => ({
  [name]: refused({ [name]: asking }, { neutral: neutral.map((value) => ({ [name]: value })) }),
});
const reasoning = (name: string, asking: unknown, neutral: unknown) =>
  refused(
    { reasoning: { [name]: asking } },
    { param: `reasoning.${name}`, neutral: [{ reasoning: { [name]: neutral } }] },
  );

export const responseCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  ...inputCases,
  instructions: becomes(
    { instructions: 'Be brief.' },
    { messages: [{ role: 'system', content: 'Be brief.' }, user] },
  ),
  previous_response_id: shownBy(stored),
  store: shownBy(stored),
  ...each(['tools', 'tools[].type', 'tools[].name'], offered({})),
  'tools[].description': offered({ description: 'does a' }),
  'tools[].parameters': offered({ parameters }),
  'tools[].strict': offered({ strict: true }),
  'tools[].output_schema': ignored({ tools: [tool('f', { output_schema: schema })] }, { tools: [tool('f')] }),
  'tools[].allowed_callers': offeredAnd('allowed_callers', ['programmatic'], ['direct']),
  'tools[].defer_loading': offeredAnd('defer_loading', true, false),
  tool_choice: choose('required', { toolChoice: 'required' }),
  ...each(['tool_choice.type', 'tool_choice.name'], choose(tool('g'), { toolChoice: { name: 'g' } })),
  ...below('tool_choice.', each(['mode', 'tools', 'tools[].type', 'tools[].name'], allowed)),
  parallel_tool_calls: reaches({ parallel_tool_calls: false }, { parallelToolCalls: false }),
  ...each(
    ['text', 'text.format', 'text.format.type'],
    reaches({ text: { format: { type: 'json_object' } } }, { constraint: { type: 'json_object' } }),
  ),
  'text.format.schema': reaches(fitting({}), { constraint: { type: 'json_schema', schema, strict: false } }),
  'text.format.strict': reaches(fitting({ strict: true }), { constraint: { strict: true } }),
  'text.format.name': ignored(fitting({ name: 'b' }), fitting({})),
  'text.format.description': ignored(fitting({ description: 'of a' }), fitting({})),
  'text.verbosity': ignored({ text: { verbosity: 'low' } }),
  ...each(
    ['reasoning', 'reasoning.effort'],
    becomes({ reasoning: { effort: 'xhigh' } }, { templateOptions: { reasoning_effort: 'high' } }),
  ),
  'reasoning.summary': ignored({ reasoning: { summary: 'detailed' } }),
  'reasoning.generate_summary': ignored({ reasoning: { generate_summary: 'detailed' } }),
  'reasoning.context': reasoning('context', 'all_turns', 'auto'),
  'reasoning.mode': reasoning('mode', 'pro', 'standard'),
  ...templateCases,
  ...samplingCases,
  ...paddingCases,
  ...refusedCases,
  ...unsupported('best_of', 3, 1),
  ...unsupported('n', 2, 1),
  max_output_tokens: reaches({ max_output_tokens: 3 }, { maxTokens: 3 }),
  include: reaches(withLogprobs, { topLogprobs: 0 }),
  top_logprobs: reaches({ top_logprobs: 3 }, { topLogprobs: 3 }, withLogprobs),
  stream: answers({ stream: true }, /^event: response\.created/),
  stream_options: ignored({ stream_options: { include_obfuscation: false } }, { stream: true }),
  max_tool_calls: ignored({ max_tool_calls: 3 }),
  metadata: ignored({ metadata: { a: 'b' } }),
  prompt_cache_key: ignored({ prompt_cache_key: 'k' }),
  prompt_cache_options: ignored({ prompt_cache_options: { mode: 'explicit' } }),
  prompt_cache_retention: ignored({ prompt_cache_retention: '24h' }),
  safety_identifier: ignored({ safety_identifier: 's' }),
  service_tier: ignored({ service_tier: 'flex' }),
  user: ignored({ user: 'u' }),
  ...unsupported('background', true, false),
  ...unsupported('conversation', 'conv_1'),
  ...unsupported('prompt', { id: 'pmpt_1' }),
  ...unsupported('context_management', [{ type: 'compaction' }], []),
  ...unsupported('personality', 'friendly'),
  truncation: refused(
    { truncation: 'auto' },
    { code: 'unsupported_value', neutral: [{ truncation: 'disabled' }] },
  ),
  ...unsupported('messages', [user]),
  ...unsupported('response_format', { type: 'json_object' }),
  ...unsupported('reasoning_effort', 'low'),
  ...unsupported('max_tokens', 5),
  ...unsupported('max_completion_tokens', 5),
  ...unsupported('logprobs', true),
};
