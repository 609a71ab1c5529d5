import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { Client, type Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startController, type RunningController } from '../../../src/controller/startController.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker, type FakeWorker } from '../../support/fakeWorker.js';
import { captureLog, testControllerOptions } from '../../support/testCluster.js';

const ErrorBody = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

const good = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] };
const chat = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };

interface Bad {
  readonly name: string;
  readonly method?: Dispatcher.HttpMethod;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  /** Fields over those of a good request, or the body itself. */
  readonly fields?: Record<string, unknown>;
  readonly body?: string | Buffer;
  readonly expected: { status?: number; type?: string; param?: string | null; code?: string | null };
  readonly message?: RegExp;
  readonly answerHeaders?: Record<string, string>;
}

function field(name: string, value: unknown, code: string, param = name): Bad {
  const text = JSON.stringify(value);
  return {
    name: `${name}: ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`,
    fields: { [name]: value },
    expected: { param, code },
  };
}
const message = (value: unknown, code: string, param: string): Bad => ({
  ...field('messages', [{ role: 'user', content: 'Hi' }, value], code, param),
  name: `a message ${JSON.stringify(value)}`,
});
const tool = (name: string) => ({ type: 'function', function: { name } });
const unsupported = (name: string, value: unknown) => field(name, value, 'unsupported_parameter');

const notJson = { param: null, code: null };
const broken: Bad[] = [
  { name: 'broken JSON', body: '{"model": "test-model", ', expected: notJson, message: /could not parse/ },
  { name: 'a JSON string', body: '"hello"', expected: notJson, message: /could not parse/ },
  { name: 'null', body: 'null', expected: notJson },
  { name: 'broken UTF-8', body: Buffer.from([0x7b, 0xff, 0x7d]), expected: notJson },
  { name: 'an array', body: '[]', expected: { param: null, code: 'invalid_type' } },
  { name: 'no body', expected: {}, headers: json },
  { name: 'an empty body', body: '', expected: {}, headers: json },
  { name: 'an empty object', body: '{}', expected: { param: 'model', code: 'missing_required_parameter' } },
  {
    name: 'a form',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'model=test-model',
    expected: { status: 415, param: null, code: null },
  },
  {
    name: 'JSON sent as text, as other sites can without asking',
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify(good),
    expected: { status: 415 },
  },
  { name: 'no content type', headers: {}, body: JSON.stringify(good), expected: { status: 415 } },
  {
    name: 'another charset',
    headers: { 'content-type': 'application/json; charset=ebcdic' },
    body: JSON.stringify(good),
    expected: { status: 415 },
  },
  {
    name: 'an unknown encoding',
    headers: { ...json, 'content-encoding': 'rot13' },
    body: JSON.stringify(good),
    expected: { status: 415 },
  },
  {
    name: 'gzip that is none',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: JSON.stringify(good),
    expected: notJson,
  },
  {
    name: 'gzip that ends early',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: gzipSync(JSON.stringify(good)).subarray(0, 40),
    expected: notJson,
  },
  {
    name: '20 MB',
    body: JSON.stringify({ ...good, user: 'x'.repeat(20 * 1024 * 1024) }),
    expected: { status: 413, param: null, code: null },
  },
  {
    name: 'a gzip bomb',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20)),
    expected: { status: 413, param: null, code: null },
  },
  {
    name: 'arrays in arrays, 100 000 deep',
    body: `{"model":"test-model","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    expected: { param: null },
  },
];

const fields: Bad[] = [
  {
    name: 'model is missing',
    fields: { model: undefined },
    expected: { param: 'model', code: 'missing_required_parameter' },
    message: /^Missing required parameter: 'model'\.$/,
  },
  {
    name: 'messages is missing',
    fields: { messages: undefined },
    expected: { param: 'messages', code: 'missing_required_parameter' },
  },
  field('model', 5, 'invalid_type'),
  field('model', null, 'invalid_type'),
  field('model', '', 'empty_string'),
  field('messages', 'Hi', 'invalid_type'),
  field('messages', null, 'invalid_type'),
  field('messages', {}, 'invalid_type'),
  field('messages', [], 'empty_array'),
  message('Hi', 'invalid_type', 'messages[1]'),
  message(null, 'invalid_type', 'messages[1]'),
  message({ content: 'Hi' }, 'missing_required_parameter', 'messages[1].role'),
  message({ role: 'robot', content: 'Hi' }, 'invalid_value', 'messages[1].role'),
  message({ role: 7, content: 'Hi' }, 'invalid_value', 'messages[1].role'),
  message({ role: 'function', name: 'f', content: 'Hi' }, 'unsupported_value', 'messages[1].role'),
  message({ role: 'tool', content: 'Hi' }, 'missing_required_parameter', 'messages[1].tool_call_id'),
  message({ role: 'assistant' }, 'missing_required_parameter', 'messages[1].content'),
  message({ role: 'user' }, 'missing_required_parameter', 'messages[1].content'),
  message({ role: 'user', content: 5 }, 'invalid_type', 'messages[1].content'),
  message({ role: 'user', content: { text: 'Hi' } }, 'invalid_type', 'messages[1].content'),
  message({ role: 'user', content: [{}] }, 'missing_required_parameter', 'messages[1].content[0].type'),
  message({ role: 'user', content: ['Hi'] }, 'invalid_type', 'messages[1].content[0]'),
  message(
    { role: 'user', content: [{ type: 'text' }] },
    'missing_required_parameter',
    'messages[1].content[0].text',
  ),
  message(
    { role: 'user', content: [{ type: 'text', text: 1 }] },
    'invalid_type',
    'messages[1].content[0].text',
  ),
  message(
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://127.0.0.1/x.png' } }] },
    'unsupported_value',
    'messages[1].content[0].type',
  ),
  message(
    { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function' }] },
    'missing_required_parameter',
    'messages[1].tool_calls[0].function',
  ),
  field('temperature', 'hot', 'invalid_type'),
  field('temperature', -0.5, 'decimal_below_min_value'),
  field('temperature', 2.5, 'decimal_above_max_value'),
  field('top_p', 1.5, 'decimal_above_max_value'),
  field('top_p', [], 'invalid_type'),
  field('max_tokens', 0, 'integer_below_min_value'),
  field('max_tokens', -1, 'integer_below_min_value'),
  field('max_tokens', 1.5, 'invalid_type'),
  field('max_tokens', '16', 'invalid_type'),
  field('max_completion_tokens', 0, 'integer_below_min_value'),
  field('seed', 1.5, 'invalid_type'),
  field('seed', 'abc', 'invalid_type'),
  field('stop', 5, 'invalid_type'),
  field('stop', '', 'empty_string'),
  field('stop', ['a', 'b', 'c', 'd', 'e'], 'array_above_max_length'),
  field('stop', ['a', ''], 'empty_string', 'stop[1]'),
  field('stop', ['a', 1], 'invalid_type', 'stop[1]'),
  field('stream', 'yes', 'invalid_type'),
  field('stream', 1, 'invalid_type'),
  field('stream_options', { include_usage: true }, 'invalid_value'),
  field('stream_options', 'usage', 'invalid_type'),
  field('n', 0, 'integer_below_min_value'),
  field('n', 129, 'integer_above_max_value'),
  field('presence_penalty', 2.5, 'decimal_above_max_value'),
  field('frequency_penalty', -2.5, 'decimal_below_min_value'),
  field('top_k', 1.5, 'invalid_type'),
  field('min_p', 2, 'decimal_above_max_value'),
  field('repeat_penalty', 0, 'decimal_below_min_value'),
  field('repeat_penalty', 1e-45, 'decimal_below_min_value'),
  field('repetition_penalty', 0.009, 'decimal_below_min_value'),
  field('logit_bias', [], 'invalid_type'),
  field('logit_bias', { the: 1 }, 'invalid_value', 'logit_bias.the'),
  field('logit_bias', { 5: 101 }, 'decimal_above_max_value', 'logit_bias.5'),
  field('logprobs', 1, 'invalid_type'),
  field('top_logprobs', 3, 'invalid_value'),
  field('top_logprobs', 21, 'integer_above_max_value'),
  field('response_format', 'text', 'invalid_type'),
  field('response_format', {}, 'missing_required_parameter', 'response_format.type'),
  field('response_format', { type: 'xml' }, 'invalid_value', 'response_format.type'),
  field(
    'response_format',
    { type: 'json_schema' },
    'missing_required_parameter',
    'response_format.json_schema',
  ),
  field(
    'response_format',
    { type: 'json_schema', json_schema: { schema: {} } },
    'missing_required_parameter',
    'response_format.json_schema.name',
  ),
  field(
    'response_format',
    { type: 'json_schema', json_schema: { name: 'no spaces', schema: {} } },
    'invalid_value',
    'response_format.json_schema.name',
  ),
  field('tools', [{ type: 'custom', custom: { name: 'f' } }], 'invalid_value', 'tools[0].type'),
  field('tools', [{ type: 'function' }], 'missing_required_parameter', 'tools[0].function'),
  field('tools', [tool('f'), tool('f')], 'invalid_value', 'tools[1]'),
  field('tool_choice', 'required', 'invalid_value'),
  field('tool_choice', 'always', 'invalid_value'),
  field('reasoning_effort', 'huge', 'invalid_value'),
  field('chat_template_kwargs', { add_vision_id: true }, 'invalid_value'),
  {
    name: 'a choice of a tool that is not there',
    fields: { tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } },
    expected: { param: 'tool_choice', code: 'invalid_value' },
    message: /there is no tool 'g'/,
  },
  unsupported('functions', [{ name: 'f' }]),
  unsupported('modalities', ['text', 'audio']),
  unsupported('grammar', 'root ::= "a"'),
  {
    name: 'an unknown model',
    fields: { model: 'nope' },
    expected: { status: 404, param: 'model', code: 'model_not_found' },
    message: /^The model `nope` does not exist or you do not have access to it\.$/,
  },
  {
    name: 'an unknown model, streamed',
    fields: { model: 'nope', stream: true },
    expected: { status: 404, param: 'model', code: 'model_not_found' },
  },
  {
    name: 'out of range, streamed',
    fields: { temperature: 2.5, stream: true },
    expected: { param: 'temperature', code: 'decimal_above_max_value' },
  },
];

const notAllowed = (method: Dispatcher.HttpMethod, path: string, allow: string): Bad => ({
  name: `${method} ${path}`,
  method,
  path,
  expected: { status: 405, param: null, code: 'method_not_supported' },
  answerHeaders: { allow },
});
const notThere = (method: Dispatcher.HttpMethod, path: string, code: string | null = null): Bad => ({
  name: `${method} ${path.length > 60 ? `${path.slice(0, 60)}…` : path}`,
  method,
  path,
  ...(method === 'POST' ? { body: JSON.stringify(good), headers: json } : {}),
  expected: { status: 404, code },
});
const routes: Bad[] = [
  notAllowed('GET', chat, 'POST'),
  notAllowed('PUT', chat, 'POST'),
  notAllowed('DELETE', '/v1/models/test-model', 'GET'),
  notAllowed('PATCH', '/v1/models', 'GET'),
  notAllowed('POST', '/health', 'GET'),
  notAllowed('OPTIONS', chat, 'POST'),
  notThere('GET', '/'),
  notThere('POST', '/v1/foo'),
  notThere('GET', '/v1/chat/completions/chatcmpl-1'),
  notThere('GET', '/v1/models/nope', 'model_not_found'),
  notThere('GET', '/v1/models/org%2Fnope:Q4', 'model_not_found'),
  notThere('GET', `/${'x'.repeat(4000)}`),
  notThere('GET', '/%2e%2e/%2e%2e/etc/passwd'),
  {
    name: 'a path that cannot be decoded',
    method: 'GET',
    path: '/v1/models/%E0%A4%A',
    expected: { status: 404 },
  },
];

let controller: RunningController;
let worker: FakeWorker;
let connection: Client;
let connects = 0;

beforeAll(async () => {
  controller = await startController({ ...testControllerOptions, logger: captureLog().logger });
  worker = await startFakeWorker();
  worker.join(controller.url);
  connection = new Client(controller.url, { pipelining: 1 });
  connection.on('connect', () => connects++);
  await eventually(async () => expect((await fetch(`${controller.url}/ready`)).status).toBe(200));
});

afterAll(async () => {
  await connection.destroy();
  await worker.kill();
  await controller.close();
});

describe.each([
  ['a body that is not what it should be', broken],
  ['a field that is not what it should be', fields],
  ['a place that is not there', routes],
])('%s', (_title, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const isField = row.fields !== undefined;
    const before = worker.requests.length;
    const response = await connection.request({
      method: row.method ?? 'POST',
      path: row.path ?? chat,
      headers: row.headers ?? (row.body !== undefined || isField ? json : {}),
      body: row.body ?? (isField ? JSON.stringify({ ...good, ...row.fields }) : null),
    });
    const text = await response.body.text();

    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    const { error } = ErrorBody.parse(JSON.parse(text));
    expect({ status: response.statusCode, ...error }).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      ...row.expected,
    });
    if (row.message) expect(error.message).toMatch(row.message);
    expect(response.headers['x-request-id']).toMatch(/^req_/);
    expect(response.headers).toMatchObject(row.answerHeaders ?? {});
    expect(worker.requests.length).toBe(before);

    const next = await connection.request({
      method: 'POST',
      path: chat,
      headers: json,
      body: JSON.stringify(good),
    });
    expect([next.statusCode, await next.body.text()]).toMatchObject([200, expect.stringContaining('Hello')]);
    expect(connects).toBe(1);
  });
});

it('no error text has a stack, a path or an address of this machine', async () => {
  for (const row of [...broken, ...fields, ...routes]) {
    const response = await connection.request({
      method: row.method ?? 'POST',
      path: row.path ?? chat,
      headers: row.headers ?? json,
      body: row.body ?? (row.fields ? JSON.stringify({ ...good, ...row.fields }) : null),
    });
    const text = await response.body.text();
    expect(text).not.toMatch(/node_modules|\.ts\b|\.js\b|at \w+ \(|127\.0\.0\.1|Error:|undefined|\[object/);
  }
});

describe('the official client throws its own class of error', () => {
  type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
  const create = (params: Partial<Params>, path = '/v1') =>
    new OpenAI({ baseURL: `${controller.url}${path}`, apiKey: 'unused' }).chat.completions.create({
      ...(good as Params),
      ...params,
    });

  it('BadRequestError', async () => {
    const error = await create({ temperature: 3 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param: 'temperature',
      requestID: expect.stringMatching(/^req_/) as string,
    });
  });

  it('NotFoundError for a model', async () => {
    const error = await create({ model: 'nope' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
  });

  it('NotFoundError for a route', async () => {
    const error = await create({}, '/v9').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ message: '404 Invalid URL (POST /v9/chat/completions)', code: null });
  });

  it('BadRequestError before a stream begins', async () => {
    const client = new OpenAI({ baseURL: `${controller.url}/v1`, apiKey: 'unused' });
    const stream = client.chat.completions.create({
      model: 'test-model',
      messages: [{ role: 'user', content: 'Hi' }],
      tool_choice: 'required',
      stream: true,
    });
    await expect(stream).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });
});
