import { request } from 'undici';
import { expect, it } from 'vitest';
import type { ErrorBody } from '../../../src/protocol/apiError.js';
import { startTestCluster } from '../../support/testCluster.js';
import { refuse } from '../../support/workerScripts.js';

type Expected = [status: number, code: string | null, param: string | null, message: string];

const tool = { type: 'function', name: 'f' };
const named = (name: string) => ({ tools: [tool], tool_choice: { type: 'function', name } });

const cases: Record<string, [fields: Record<string, unknown>, expected: Expected]> = {
  'no input': [
    { input: undefined },
    [400, 'missing_required_parameter', 'input', "Missing required parameter: 'input'."],
  ],
  'no items': [
    { input: [] },
    [400, 'empty_array', 'input', "Invalid 'input': the array must have at least 1 element."],
  ],
  'an input of another type': [
    { input: 7 },
    [
      400,
      'invalid_type',
      'input',
      "Invalid type for 'input': expected one of a string or an array, but got an integer instead.",
    ],
  ],
  'an item without anything': [
    { input: [{}] },
    [400, 'missing_required_parameter', 'input[0].role', "Missing required parameter: 'input[0].role'."],
  ],
  'a role that is not known': [
    { input: [{ role: 'tool', content: 'a' }] },
    [
      400,
      'invalid_value',
      'input[0].role',
      `Invalid value for 'input[0].role': "tool". Supported values are: 'user', 'assistant', 'system', 'developer'.`,
    ],
  ],
  'a message without content': [
    { input: [{ role: 'user', content: 'a' }, { role: 'user' }] },
    [
      400,
      'missing_required_parameter',
      'input[1].content',
      "Missing required parameter: 'input[1].content'.",
    ],
  ],
  'an image': [
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
    [
      400,
      'invalid_value',
      'input[0].content[0].type',
      `Invalid value for 'input[0].content[0].type': "input_image". Supported values are: 'input_text', 'output_text', 'refusal'.`,
    ],
  ],
  'an item of a hosted tool': [
    { input: [{ type: 'web_search_call', id: 'ws_1' }] },
    [
      400,
      'invalid_value',
      'input[0].type',
      `Invalid value for 'input[0].type': "web_search_call". Supported values are: 'message', 'function_call', 'function_call_output', 'reasoning', 'item_reference'.`,
    ],
  ],
  'a call without arguments': [
    { input: [{ type: 'function_call', call_id: 'c', name: 'f' }] },
    [
      400,
      'missing_required_parameter',
      'input[0].arguments',
      "Missing required parameter: 'input[0].arguments'.",
    ],
  ],
  'an output without its call': [
    { input: [{ type: 'function_call_output', call_id: 'call_1', output: 'ok' }] },
    [400, null, 'input', 'No tool call found for function call output with call_id call_1.'],
  ],
  'a reference to an item that is not stored': [
    { input: [{ type: 'item_reference', id: 'msg_1' }] },
    [
      404,
      null,
      'input[0].id',
      "Item with id 'msg_1' not found. Items are kept with the responses that are stored: create the response with 'store': true, or send the item itself.",
    ],
  ],
  'the same, written without a type': [
    { input: [{ id: 'msg_1' }] },
    [404, null, 'input[0].id', expect.stringContaining("'msg_1' not found") as string],
  ],
  'a previous response that is not stored': [
    { previous_response_id: 'resp_1' },
    [
      400,
      'previous_response_not_found',
      'previous_response_id',
      "Previous response with id 'resp_1' not found.",
    ],
  ],
  'a model that is not there': [
    { model: 'nope' },
    [404, 'model_not_found', 'model', 'The model `nope` does not exist or you do not have access to it.'],
  ],
  'a hosted tool': [
    { tools: [tool, { type: 'web_search' }] },
    [
      400,
      'invalid_value',
      'tools[1].type',
      `Invalid value for 'tools[1].type': "web_search". Supported values are: 'function'.`,
    ],
  ],
  'a tool in the shape of chat completions': [
    { tools: [{ type: 'function', function: { name: 'f' } }] },
    [400, 'missing_required_parameter', 'tools[0].name', "Missing required parameter: 'tools[0].name'."],
  ],
  'the choice of a tool that is not there': [
    named('g'),
    [400, 'invalid_value', 'tool_choice', "Invalid value for 'tool_choice': there is no tool 'g'."],
  ],
  'the choice of a hosted tool': [
    { tools: [tool], tool_choice: { type: 'web_search' } },
    [
      400,
      'invalid_value',
      'tool_choice.type',
      `Invalid value for 'tool_choice.type': "web_search". Supported values are: 'function', 'allowed_tools'.`,
    ],
  ],
  'a format that is not known': [
    { text: { format: { type: 'grammar' } } },
    [
      400,
      'invalid_value',
      'text.format.type',
      `Invalid value for 'text.format.type': "grammar". Supported values are: 'text', 'json_object', 'json_schema'.`,
    ],
  ],
  'a schema in the shape of chat completions': [
    { text: { format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } } } },
    [
      400,
      'missing_required_parameter',
      'text.format.name',
      "Missing required parameter: 'text.format.name'.",
    ],
  ],
  'too few tokens': [
    { max_output_tokens: 0 },
    [
      400,
      'integer_below_min_value',
      'max_output_tokens',
      "Invalid value for 'max_output_tokens': expected at least 1, but got 0.",
    ],
  ],
  'log probabilities of nothing': [
    { top_logprobs: 3 },
    [
      400,
      'invalid_value',
      'top_logprobs',
      "'top_logprobs' is only allowed together with 'include': ['message.output_text.logprobs'].",
    ],
  ],
  'metadata that is no text': [
    { metadata: { a: 1 } },
    [
      400,
      'invalid_type',
      'metadata.a',
      "Invalid type for 'metadata.a': expected a string, but got an integer instead.",
    ],
  ],
  'options of a stream without a stream': [
    { stream_options: {} },
    [
      400,
      'invalid_value',
      'stream_options',
      "'stream_options' is only allowed together with 'stream': true.",
    ],
  ],
  'input that may be cut': [
    { truncation: 'auto' },
    [
      400,
      'unsupported_value',
      'truncation',
      "Unsupported value: 'truncation' can only be 'disabled': this server drops nothing of an input, one that is too long is an error.",
    ],
  ],
  'the messages of chat completions': [
    { input: undefined, messages: [] },
    [
      400,
      'unsupported_parameter',
      'messages',
      "Unsupported parameter: 'messages'. In the Responses API it is 'input'.",
    ],
  ],
};

it.each(Object.entries(cases))('refuses %s', async (_, [fields, expected]) => {
  const { url, workers } = await startTestCluster();

  const response = await request(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', input: 'Hi', stream: false, ...fields }),
  });

  const { error } = (await response.body.json()) as ErrorBody;
  expect([response.statusCode, error.code, error.param, error.message]).toEqual(expected);
  expect(error.type).toBe('invalid_request_error');
  expect(workers[0]?.requests).toEqual([]);
});

it.each([
  ['background', true],
  ['conversation', 'conv_1'],
  ['prompt', { id: 'pmpt_1' }],
  ['moderation', { model: 'm' }],
  ['context_management', [{ type: 'compaction' }]],
  ['n', 2],
  ['functions', [{ name: 'f' }]],
  ['response_format', { type: 'json_object' }],
  ['reasoning_effort', 'low'],
  ['max_tokens', 5],
  ['max_completion_tokens', 5],
  ['logprobs', true],
])('refuses the parameter %s', async (param, value) => {
  const { client, workers } = await startTestCluster();

  const refused = client.responses.create({ model: 'test-model', input: 'Hi', [param]: value });

  await expect(refused).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param });
  expect(workers[0]?.requests).toEqual([]);
});

it.each([false, true])('blames the input for a prompt that is too long (stream: %s)', async (stream) => {
  const script = refuse('context_length_exceeded', { retryable: false });
  const { client } = await startTestCluster({ workers: [{ script }] });

  const refused = client.responses.create({ model: 'test-model', input: 'Hi', stream });

  await expect(refused).rejects.toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    param: 'input',
  });
});
