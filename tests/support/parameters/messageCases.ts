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

const user = { role: 'user', content: 'Hi' };
const text = (value: string, fields: object = {}) => ({ type: 'text', text: value, ...fields });
const says = (...content: object[]) => ({ messages: [{ role: 'user', content }] });
const use = (fields: object = {}) => ({
  type: 'tool_use',
  id: 'toolu_1',
  name: 'f',
  input: { a: 1 },
  ...fields,
});
const result = (fields: object = {}) => ({
  type: 'tool_result',
  tool_use_id: 'toolu_1',
  content: [text('ok')],
  ...fields,
});
const history = (callFields: object = {}, resultFields: object = {}) => ({
  messages: [
    user,
    { role: 'assistant', content: [use(callFields)] },
    { role: 'user', content: [result(resultFields)] },
  ],
});
const thinks = (fields: object) => ({
  messages: [user, { role: 'assistant', content: [fields, text('a')] }, user],
});
const later = (fields: object) => ({
  messages: [user, { role: 'system', content: 'Now.', ...fields }, user],
});

const called = becomes(history(), {
  messages: [
    user,
    { toolCalls: [{ id: 'toolu_1', name: 'f', arguments: '{"a":1}' }] },
    { role: 'tool', toolCallId: 'toolu_1', content: 'ok' },
  ],
});
const calledAnd = (callFields: object, resultFields: object = {}) =>
  ignored(history(callFields, resultFields), history());
const cache = { cache_control: { type: 'ephemeral' } };

const turnCases: ParameterCases = {
  messages: reaches({ messages: [{ role: 'user', content: 'Ho' }] }, { messages: [{ content: 'Ho' }] }),
  ...below('messages[].', {
    role: reaches(later({}), { messages: [user, { role: 'system', content: 'Now.' }, user] }),
    ...each(
      ['content', 'content[].type', 'content[].text'],
      becomes(says(text('a'), text('b')), { messages: [{ content: 'a\nb' }] }),
    ),
    ...each(
      ['content[].id', 'content[].name', 'content[].input', 'content[].tool_use_id', 'content[].content'],
      called,
    ),
    ...each(['content[].content[].type', 'content[].content[].text'], called),
    'content[].is_error': becomes(history({}, { is_error: true }), {
      messages: [{}, {}, { role: 'tool', content: 'Error: ok' }],
    }),
    'content[].thinking': becomes(thinks({ type: 'thinking', thinking: 'Hm.', signature: '' }), {
      messages: [user, { reasoning: 'Hm.' }, user],
    }),
    'content[].signature': ignored(
      thinks({ type: 'thinking', thinking: 'Hm.', signature: 'x' }),
      thinks({ type: 'thinking', thinking: 'Hm.' }),
    ),
    'content[].data': ignored(thinks({ type: 'redacted_thinking', data: 'x' }), {
      messages: [user, { role: 'assistant', content: 'a' }, user],
    }),
    'content[].cache_control': ignored(says(text('Hi', cache))),
    'content[].citations': ignored(says(text('Hi', { citations: [] }))),
    'content[].caller': calledAnd({ caller: { type: 'direct' } }),
    'content[].toolset_name': calledAnd({}, { toolset_name: 'x' }),
    'content[].content[].cache_control': calledAnd({}, { content: [text('ok', cache)] }),
    'content[].content[].citations': calledAnd(
      {},
      { content: [text('ok', { citations: { enabled: false } })] },
    ),
    clear_at: reaches(
      later({ clear_at: 'next_user_message' }),
      { messages: [{ role: 'user', content: 'Hi\nHi' }] },
      later({}),
    ),
    output_config: refused(later({ output_config: { effort: 'low' } }), {
      param: 'messages[1].output_config',
    }),
  }),
};

const schema = { type: 'object', properties: {} };
const tool = (fields: object = {}) => ({ name: 'f', input_schema: schema, ...fields });
const offered = (fields: object) => reaches({ tools: [tool(fields)] }, { tools: [{ name: 'f', ...fields }] });
const offeredSame = (fields: object) => ignored({ tools: [tool(fields)] }, { tools: [tool()] });
const offeredNot = (name: string, asking: unknown, neutral: unknown) =>
  refused(
    { tools: [tool({ [name]: asking })] },
    {
      param: `tools[0].${name}`,
      neutral: [{ tools: [tool({ [name]: neutral })] }],
      beside: { tools: [tool()] },
    },
  );
const choose = (tool_choice: object, worker: object) => becomes({ tool_choice }, worker, { tools: [tool()] });

const format = { type: 'json_schema', schema };
const constraint = { type: 'json_schema', schema, strict: true };
const unsupported = (name: string, asking: unknown, ...neutral: unknown[]) => ({
  [name]: refused({ [name]: asking }, { neutral: neutral.map((value) => ({ [name]: value })) }),
});

export const anthropicCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  max_tokens: reaches({ max_tokens: 3 }, { maxTokens: 3 }),
  ...turnCases,
  ...each(
    ['system', 'system[].type', 'system[].text'],
    becomes({ system: [text('a'), text('b')] }, { messages: [{ role: 'system', content: 'a\nb' }, user] }),
  ),
  'system[].cache_control': ignored({ system: [text('a', cache)] }, { system: [text('a')] }),
  'system[].citations': ignored({ system: [text('a', { citations: [] })] }, { system: [text('a')] }),
  temperature: reaches({ temperature: 0.5 }, { sampling: { temperature: 0.5 } }),
  top_p: reaches({ top_p: 0.25 }, { sampling: { topP: 0.25 } }),
  top_k: reaches({ top_k: 40 }, { sampling: { topK: 40 } }),
  stop_sequences: reaches({ stop_sequences: ['END'] }, { stop: ['END'] }),
  stream: answers({ stream: true }, /^event: message_start/),
  ...each(
    ['tools', 'tools[].type', 'tools[].name'],
    reaches({ tools: [tool({ type: 'custom' })] }, { tools: [{ name: 'f' }] }),
  ),
  'tools[].description': offered({ description: 'does a' }),
  'tools[].input_schema': reaches({ tools: [tool()] }, { tools: [{ parameters: schema }] }),
  'tools[].strict': offered({ strict: true }),
  'tools[].cache_control': offeredSame(cache),
  'tools[].eager_input_streaming': offeredSame({ eager_input_streaming: true }),
  'tools[].input_examples': offeredSame({ input_examples: [{}] }),
  'tools[].allowed_callers': offeredNot('allowed_callers', ['code_execution_20250825'], ['direct']),
  'tools[].defer_loading': offeredNot('defer_loading', true, false),
  ...each(['tool_choice', 'tool_choice.type'], choose({ type: 'any' }, { toolChoice: 'required' })),
  'tool_choice.name': choose({ type: 'tool', name: 'f' }, { toolChoice: { name: 'f' } }),
  'tool_choice.disable_parallel_tool_use': choose(
    { type: 'auto', disable_parallel_tool_use: true },
    { parallelToolCalls: false },
  ),
  ...each(
    ['thinking', 'thinking.type'],
    becomes({ thinking: { type: 'adaptive' } }, { templateOptions: { enable_thinking: true } }),
  ),
  'thinking.display': shownBy('tests/integration/controller/messagesHaveAnthropicsWireFormat.test.ts'),
  'thinking.budget_tokens': ignored(
    { thinking: { type: 'enabled', budget_tokens: 2048 } },
    { thinking: { type: 'enabled' } },
  ),
  'thinking.block_binding': ignored(
    { thinking: { type: 'enabled', block_binding: {} } },
    { thinking: { type: 'enabled' } },
  ),
  ...each(
    ['output_config', 'output_config.effort'],
    becomes({ output_config: { effort: 'max' } }, { templateOptions: { reasoning_effort: 'high' } }),
  ),
  ...below(
    'output_config.',
    each(['format', 'format.type', 'format.schema'], reaches({ output_config: { format } }, { constraint })),
  ),
  'output_config.task_budget': refused(
    { output_config: { task_budget: { type: 'tokens', total: 1000 } } },
    { param: 'output_config.task_budget' },
  ),
  ...each(
    ['output_format', 'output_format.type', 'output_format.schema'],
    reaches({ output_format: format }, { constraint }),
  ),
  ...unsupported('container', 'container_1'),
  ...unsupported('mcp_servers', [{ type: 'url', url: 'https://example.org', name: 'a' }], []),
  ...unsupported('thread', { type: 'create' }),
  ...unsupported('compaction', {}),
  ...unsupported(
    'context_management',
    { edits: [{ type: 'clear_tool_uses_20250919' }] },
    { edits: [] },
    { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  ),
  betas: ignored({ betas: ['context-management-2025-06-27'] }),
  billing_policy: ignored({ billing_policy: { bill_to: 'self' } }),
  cache_control: ignored(cache),
  diagnostics: ignored({ diagnostics: { previous_message_id: null } }),
  fallback_credit_token: ignored({ fallback_credit_token: 'x' }),
  fallbacks: ignored({ fallbacks: 'default' }),
  inference_geo: ignored({ inference_geo: 'eu' }),
  metadata: ignored({ metadata: { user_id: 'u' } }),
  service_tier: ignored({ service_tier: 'standard_only' }),
  speed: ignored({ speed: 'fast' }),
  user_profile_id: ignored({ user_profile_id: 'p' }),
  workspace_id: ignored({ workspace_id: 'w' }),
};
