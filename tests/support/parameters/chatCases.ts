import {
  answers,
  becomes,
  below,
  each,
  ignored,
  reaches,
  refused,
  type ParameterCases,
} from './parameterCase.js';

const user = { role: 'user', content: 'Hi' };
const inFront = (message: object) => ({ messages: [message, user] });
const part = (fields: object) => ({ messages: [{ role: 'user', content: [fields] }] });
const badPart = (type: string) =>
  refused(part({ type, [type]: {} }), { code: 'unsupported_value', param: 'messages[0].content[0].type' });

const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
const called = reaches(inFront({ role: 'assistant', content: null, tool_calls: [call] }), {
  messages: [{ toolCalls: [{ id: 'call_1', name: 'f', arguments: '{"a":1}' }] }, user],
});

export const messageCases: ParameterCases = {
  messages: reaches({ messages: [{ role: 'user', content: 'Ho' }] }, { messages: [{ content: 'Ho' }] }),
  ...below('messages[].', {
    role: reaches(inFront({ role: 'developer', content: 'Ho' }), { messages: [{ role: 'developer' }, user] }),
    content: reaches({ messages: [{ role: 'user', content: 'Ho' }] }, { messages: [{ content: 'Ho' }] }),
    ...each(
      ['content[].type', 'content[].text'],
      becomes(
        {
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'one ' },
                { type: 'text', text: 'two' },
              ],
            },
          ],
        },
        { messages: [{ content: 'one two' }] },
      ),
    ),
    'content[].refusal': becomes(
      inFront({ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }),
      { messages: [{ role: 'assistant', content: 'No.' }, user] },
    ),
    'content[].image_url': badPart('image_url'),
    'content[].input_audio': badPart('input_audio'),
    'content[].file': badPart('file'),
    'content[].prompt_cache_breakpoint': ignored(
      part({ type: 'text', text: 'Hi', prompt_cache_breakpoint: { mode: 'explicit' } }),
    ),
    name: ignored({ messages: [{ ...user, name: 'ann' }] }),
    refusal: becomes(inFront({ role: 'assistant', content: null, refusal: 'No.' }), {
      messages: [{ role: 'assistant', content: 'No.' }, user],
    }),
    audio: refused(inFront({ role: 'assistant', content: 'a', audio: { id: 'audio_1' } }), {
      code: 'unsupported_value',
      param: 'messages[0].audio',
    }),
    function_call: refused(inFront({ role: 'assistant', content: 'a', function_call: { name: 'f' } }), {
      code: 'unsupported_value',
      param: 'messages[0].function_call',
    }),
    tool_calls: called,
    ...below('tool_calls[].', {
      ...each(['id', 'type', 'function', 'function.name', 'function.arguments'], called),
    }),
    tool_call_id: reaches(inFront({ role: 'tool', content: '5', tool_call_id: 'call_1' }), {
      messages: [{ role: 'tool', toolCallId: 'call_1' }, user],
    }),
    reasoning_content: reaches(inFront({ role: 'assistant', content: 'a', reasoning_content: 'Hm.' }), {
      messages: [{ reasoning: 'Hm.' }, user],
    }),
  }),
};

const parameters = { type: 'object', properties: {} };
const tool = (name: string, fields: object = {}) => ({ type: 'function', function: { name, ...fields } });
const offered = (fields: object) =>
  reaches({ tools: [tool('f', fields)] }, { tools: [{ name: 'f', ...fields }] });

export const toolCases: ParameterCases = {
  ...each(['tools', 'tools[].type', 'tools[].function', 'tools[].function.name'], offered({})),
  'tools[].function.description': offered({ description: 'does a' }),
  'tools[].function.parameters': offered({ parameters }),
  'tools[].function.strict': offered({ strict: true }),
};

export const templateCases: ParameterCases = {
  ...each(
    ['chat_template_kwargs', 'chat_template_kwargs.enable_thinking'],
    reaches(
      { chat_template_kwargs: { enable_thinking: false } },
      { templateOptions: { enable_thinking: false } },
    ),
  ),
  'chat_template_kwargs.reasoning_effort': reaches(
    { chat_template_kwargs: { reasoning_effort: 'low' } },
    { templateOptions: { reasoning_effort: 'low' } },
  ),
};

/** Of chat completions, completions and responses. */
export const samplingCases: ParameterCases = {
  temperature: reaches({ temperature: 0.5 }, { sampling: { temperature: 0.5 } }),
  top_p: reaches({ top_p: 0.25 }, { sampling: { topP: 0.25 } }),
  top_k: reaches({ top_k: 40 }, { sampling: { topK: 40 } }),
  min_p: reaches({ min_p: 0.1 }, { sampling: { minP: 0.1 } }),
  seed: reaches({ seed: 42 }, { sampling: { seed: 42 } }),
  stop: reaches({ stop: 'END' }, { stop: ['END'] }),
  presence_penalty: reaches({ presence_penalty: 1 }, { sampling: { presencePenalty: 1 } }),
  frequency_penalty: reaches({ frequency_penalty: -1 }, { sampling: { frequencyPenalty: -1 } }),
  repeat_penalty: reaches({ repeat_penalty: 1.5 }, { sampling: { repeatPenalty: 1.5 } }),
  repetition_penalty: reaches({ repetition_penalty: 1.5 }, { sampling: { repeatPenalty: 1.5 } }),
  logit_bias: reaches({ logit_bias: { 5: -100 } }, { sampling: { logitBias: [{ token: 5, bias: -100 }] } }),
  ignore_eos: reaches({ ignore_eos: true }, { ignoreEos: true }),
};

const unsupported = (name: string, asking: unknown, ...neutral: unknown[]) => ({
  [name]: refused({ [name]: asking }, { neutral: neutral.map((value) => ({ [name]: value })) }),
});

/** Of chat completions, completions and responses. */
export const refusedCases: ParameterCases = {
  ...unsupported('functions', [{ name: 'f' }], []),
  ...unsupported('function_call', { name: 'f' }, 'none', 'auto'),
  ...unsupported('modalities', ['text', 'audio'], ['text']),
  ...unsupported('audio', { voice: 'alloy', format: 'wav' }),
  ...unsupported('web_search_options', {}),
  ...unsupported('moderation', { model: 'm' }),
  ...unsupported('typical_p', 0.9, 1),
  ...unsupported('mirostat', 2, 0),
  ...unsupported('grammar', 'root ::= "a"'),
  ...unsupported('json_schema', { type: 'object' }),
  ...unsupported('guided_json', { type: 'object' }),
  ...unsupported('guided_regex', 'a+'),
  ...unsupported('guided_grammar', 'root ::= "a"'),
  ...unsupported('guided_choice', ['a']),
  ...unsupported('chat_template', '{{ messages }}'),
  ...unsupported('add_generation_prompt', false, true),
  ...unsupported('continue_final_message', true, false),
  ...unsupported('stop_token_ids', [2], []),
  ...unsupported('min_tokens', 5, 0),
};

export const choiceCases: ParameterCases = {
  n: answers({ n: 2 }, { choices: [{ index: 0 }, { index: 1 }] }),
};

export const streamCases: ParameterCases = {
  stream: answers({ stream: true }, /^data: \{/),
  ...each(
    ['stream_options', 'stream_options.include_usage'],
    answers({ stream_options: { include_usage: true } }, /"choices":\[\],"usage":\{/, { stream: true }),
  ),
};

export const paddingCases: ParameterCases = {
  'stream_options.include_obfuscation': ignored(
    { stream_options: { include_obfuscation: true } },
    { stream: true, stream_options: {} },
  ),
};

const choose = (tool_choice: unknown, worker: object) =>
  reaches({ tool_choice }, worker, { tools: [tool('f'), tool('g')] });
const allowed = choose(
  { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('g')] } },
  { toolChoice: 'required', tools: [{ name: 'g' }] },
);

const schema = { type: 'array' };
const fitting = (fields: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'a', schema, ...fields } },
});
const enforced = reaches(fitting({}), { constraint: { type: 'json_schema', schema, strict: false } });

export const chatCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  ...messageCases,
  ...toolCases,
  ...templateCases,
  ...samplingCases,
  ...choiceCases,
  ...streamCases,
  ...paddingCases,
  ...refusedCases,
  ...unsupported('best_of', 3, 1),
  max_completion_tokens: reaches({ max_completion_tokens: 3 }, { maxTokens: 3 }),
  max_tokens: reaches({ max_tokens: 3 }, { maxTokens: 3 }),
  logprobs: reaches({ logprobs: true }, { topLogprobs: 0 }),
  top_logprobs: reaches({ top_logprobs: 3 }, { topLogprobs: 3 }, { logprobs: true }),
  tool_choice: choose('required', { toolChoice: 'required' }),
  ...each(
    ['tool_choice.type', 'tool_choice.function', 'tool_choice.function.name'],
    choose(tool('g'), { toolChoice: { name: 'g' } }),
  ),
  'tool_choice.allowed_tools': allowed,
  ...below(
    'tool_choice.allowed_tools.',
    each(['mode', 'tools', 'tools[].type', 'tools[].function', 'tools[].function.name'], allowed),
  ),
  parallel_tool_calls: reaches({ parallel_tool_calls: false }, { parallelToolCalls: false }),
  ...each(
    ['response_format', 'response_format.type'],
    reaches({ response_format: { type: 'json_object' } }, { constraint: { type: 'json_object' } }),
  ),
  'response_format.schema': reaches(
    { response_format: { type: 'json_object', schema } },
    { constraint: { type: 'json_schema', schema, strict: false } },
  ),
  ...each(['response_format.json_schema', 'response_format.json_schema.schema'], enforced),
  'response_format.json_schema.strict': reaches(fitting({ strict: true }), { constraint: { strict: true } }),
  'response_format.json_schema.name': ignored(fitting({ name: 'b' }), fitting({})),
  'response_format.json_schema.description': ignored(fitting({ description: 'of a' }), fitting({})),
  reasoning_effort: becomes(
    { reasoning_effort: 'minimal' },
    { templateOptions: { reasoning_effort: 'low' } },
  ),
  metadata: ignored({ metadata: { a: 'b' } }),
  prediction: ignored({ prediction: { type: 'content', content: 'Hello' } }),
  prompt_cache_key: ignored({ prompt_cache_key: 'k' }),
  prompt_cache_options: ignored({ prompt_cache_options: { mode: 'explicit' } }),
  prompt_cache_retention: ignored({ prompt_cache_retention: '24h' }),
  safety_identifier: ignored({ safety_identifier: 's' }),
  service_tier: ignored({ service_tier: 'flex' }),
  store: ignored({ store: true }),
  user: ignored({ user: 'u' }),
  verbosity: ignored({ verbosity: 'low' }),
};

export const completionCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  prompt: reaches({ prompt: [1, 2] }, { prompt: [1, 2] }),
  max_tokens: reaches({ max_tokens: 3 }, { maxTokens: 3 }),
  ...samplingCases,
  ...choiceCases,
  ...streamCases,
  ...paddingCases,
  ...refusedCases,
  logprobs: reaches({ logprobs: 2 }, { topLogprobs: 2 }),
  echo: reaches({ echo: true }, { echo: true }),
  best_of: refused({ best_of: 2 }, { code: 'unsupported_value', neutral: [{ best_of: 1 }] }),
  suffix: refused({ suffix: 'end' }, { neutral: [{ suffix: '' }] }),
  user: ignored({ user: 'u' }),
};
