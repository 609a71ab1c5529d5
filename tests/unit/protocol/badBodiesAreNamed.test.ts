import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ApiError } from '../../../src/protocol/apiError.js';
import { BatchListQuery } from '../../../src/protocol/openai/batches.js';
import { ChatCompletionRequest } from '../../../src/protocol/openai/chatCompletions.js';
import { CompletionRequest } from '../../../src/protocol/openai/completions.js';
import { parseBody, toParamPath } from '../../../src/protocol/parseBody.js';

const message = { role: 'user', content: 'hi' };
const good = { model: 'm', messages: [message] };

function refusal(schema: z.ZodType, body: unknown) {
  try {
    parseBody(schema, body);
  } catch (error) {
    if (error instanceof ApiError) return error.toBody().error;
    throw error;
  }
  throw new Error('the body was accepted');
}

const refusalOfChat = (body: unknown) => refusal(ChatCompletionRequest, body);

describe('a chat completion request', () => {
  it.each([
    ['plain', good],
    ['with parts', { ...good, messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] }],
    ['of an assistant without content', { ...good, messages: [{ role: 'assistant', content: null }] }],
    [
      'with null for every default',
      {
        ...good,
        max_tokens: null,
        max_completion_tokens: null,
        temperature: null,
        top_p: null,
        seed: null,
        stop: null,
        stream: null,
        stream_options: null,
      },
    ],
    ['at the lower bounds', { ...good, max_tokens: 1, temperature: 0, top_p: 0, stop: [] }],
    ['at the upper bounds', { ...good, temperature: 2, top_p: 1, stop: ['a', 'b', 'c', 'd'] }],
    ['with a seed of 64 bits', { ...good, seed: -9223372036854775808 }],
  ])('is accepted %s', (_how, body) => {
    expect(parseBody(ChatCompletionRequest, body)).toEqual(body);
  });

  it('keeps fields that it does not know, in messages too', () => {
    const body = { ...good, messages: [{ ...message, name: 'ann' }], user: 'u', metadata: { a: '1' } };
    expect(parseBody(ChatCompletionRequest, body)).toEqual(body);
  });

  it.each([
    [{ messages: [message] }, 'model'],
    [{ model: 'm' }, 'messages'],
    [{ ...good, messages: [{ content: 'hi' }] }, 'messages[0].role'],
    [
      { ...good, messages: [message, { role: 'user', content: [{ text: 'hi' }] }] },
      'messages[1].content[0].type',
    ],
  ])('names the missing parameter of %j', (body, param) => {
    expect(refusalOfChat(body)).toEqual({
      message: `Missing required parameter: '${param}'.`,
      type: 'invalid_request_error',
      param,
      code: 'missing_required_parameter',
    });
  });

  it.each<[object, string, string]>([
    [{ ...good, model: 5 }, 'model', "'model': expected a string, but got an integer instead."],
    [{ ...good, model: null }, 'model', "'model': expected a string, but got null instead."],
    [{ ...good, messages: 'hi' }, 'messages', "'messages': expected an array, but got a string instead."],
    [
      { ...good, messages: ['hi'] },
      'messages[0]',
      "'messages[0]': expected an object, but got a string instead.",
    ],
    [
      { ...good, messages: [{ role: 'user', content: 5 }] },
      'messages[0].content',
      "'messages[0].content': expected one of a string or an array, but got an integer instead.",
    ],
    [
      { ...good, messages: [{ role: 'user', content: [{ type: 'text', text: 7 }] }] },
      'messages[0].content[0].text',
      "'messages[0].content[0].text': expected a string, but got an integer instead.",
    ],
    [
      { ...good, max_tokens: 1.5 },
      'max_tokens',
      "'max_tokens': expected an integer, but got a decimal instead.",
    ],
    [{ ...good, seed: 1.5 }, 'seed', "'seed': expected an integer, but got a decimal instead."],
    [{ ...good, stream: 'yes' }, 'stream', "'stream': expected a boolean, but got a string instead."],
    [
      { ...good, temperature: '1' },
      'temperature',
      "'temperature': expected a number, but got a string instead.",
    ],
    [
      { ...good, stop: 5 },
      'stop',
      "'stop': expected one of a string or an array, but got an integer instead.",
    ],
    [{ ...good, stop: ['a', 5] }, 'stop[1]', "'stop[1]': expected a string, but got an integer instead."],
    [
      { ...good, stream_options: true },
      'stream_options',
      "'stream_options': expected an object, but got a boolean instead.",
    ],
    [
      { ...good, stream_options: { include_usage: 'yes' } },
      'stream_options.include_usage',
      "'stream_options.include_usage': expected a boolean, but got a string instead.",
    ],
  ])('names the wrong type in %j', (body, param, text) => {
    expect(refusalOfChat(body)).toEqual({
      message: `Invalid type for ${text}`,
      type: 'invalid_request_error',
      param,
      code: 'invalid_type',
    });
  });

  it('names the roles there are for one that is none', () => {
    expect(refusalOfChat({ ...good, messages: [{ role: 'robot', content: 'hi' }] })).toMatchObject({
      message:
        "Invalid value for 'messages[0].role': \"robot\". Supported values are: 'developer', 'system', 'user', 'assistant', 'tool', 'function'.",
      param: 'messages[0].role',
      code: 'invalid_value',
    });
  });

  it.each<[object, string, string, string]>([
    [{ max_tokens: 0 }, 'max_tokens', 'integer_below_min_value', 'expected at least 1, but got 0.'],
    [
      { max_completion_tokens: -3 },
      'max_completion_tokens',
      'integer_below_min_value',
      'expected at least 1, but got -3.',
    ],
    [
      { max_tokens: 2 ** 53 },
      'max_tokens',
      'integer_above_max_value',
      'expected at most 9007199254740991, but got 9007199254740992.',
    ],
    [{ temperature: 2.5 }, 'temperature', 'decimal_above_max_value', 'expected at most 2, but got 2.5.'],
    [{ temperature: -0.5 }, 'temperature', 'decimal_below_min_value', 'expected at least 0, but got -0.5.'],
    [{ top_p: 1.1 }, 'top_p', 'decimal_above_max_value', 'expected at most 1, but got 1.1.'],
  ])('names the bound that %j breaks', (fields, param, code, text) => {
    expect(refusalOfChat({ ...good, ...fields })).toEqual({
      message: `Invalid value for '${param}': ${text}`,
      type: 'invalid_request_error',
      param,
      code,
    });
  });

  it.each<[object, string, string, string]>([
    [{ messages: [] }, 'messages', 'empty_array', 'the array must have at least 1 element.'],
    [
      { stop: ['a', 'b', 'c', 'd', 'e'] },
      'stop',
      'array_above_max_length',
      'the array must have at most 4 elements.',
    ],
    [{ model: '' }, 'model', 'empty_string', 'the string must have at least 1 character.'],
    [{ stop: '' }, 'stop', 'empty_string', 'the string must have at least 1 character.'],
    [{ stop: ['a', ''] }, 'stop[1]', 'empty_string', 'the string must have at least 1 character.'],
  ])('names the length that %j breaks', (fields, param, code, text) => {
    expect(refusalOfChat({ ...good, ...fields })).toEqual({
      message: `Invalid '${param}': ${text}`,
      type: 'invalid_request_error',
      param,
      code,
    });
  });

  it.each<[object, string, string, string]>([
    [
      { logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, token) => [token, 1])) },
      'logit_bias',
      'object_above_max_properties',
      "Invalid 'logit_bias': the object must have at most 1024 properties.",
    ],
    [
      { logit_bias: { hello: 1 } },
      'logit_bias.hello',
      'invalid_value',
      "Invalid value for 'logit_bias.hello': keys are token ids.",
    ],
  ])('says what is wrong with pairs', (fields, param, code, message) => {
    expect(refusalOfChat({ ...good, ...fields })).toEqual({
      message,
      type: 'invalid_request_error',
      param,
      code,
    });
  });

  it('is not sent back whole', () => {
    const long = 'x'.repeat(1_000_000);
    const ofRole = refusalOfChat({ ...good, messages: [{ ...message, role: long }] });
    expect(ofRole.message).toMatch(
      /^Invalid value for 'messages\[0\]\.role': "x{97}…\. Supported values are: 'dev/,
    );
    for (const body of [
      { ...good, logit_bias: { [long]: 1 } },
      { ...good, chat_template_kwargs: { [long]: 1 } },
    ]) {
      const error = refusalOfChat(body);
      expect(error.message.length + (error.param?.length ?? 0)).toBeLessThan(2_000);
    }
    expect(new ApiError('model_not_found', { message: long }).message).toHaveLength(1_000);
  });

  it.each([
    [undefined, 'nothing'],
    [null, 'null'],
    ['hi', 'a string'],
    [[good], 'an array'],
    [1.5, 'a decimal'],
  ])('must be an object, not %j', (body, name) => {
    expect(refusalOfChat(body)).toEqual({
      message: `Invalid type for the request body: expected an object, but got ${name} instead.`,
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_type',
    });
  });

  it('is refused for the first thing that is wrong', () => {
    expect(refusalOfChat({ messages: [], temperature: 9 })).toMatchObject({ param: 'model' });
  });
});

describe('a body of another shape', () => {
  it('names the length that a text has at most', () => {
    expect(refusal(z.object({ name: z.string().max(3) }), { name: 'long' })).toMatchObject({
      message: "Invalid 'name': the string must have at most 3 characters.",
      code: 'string_above_max_length',
    });
  });

  it('says with zod what is wrong where there is no code for it', () => {
    const error = refusal(z.object({ id: z.string().regex(/^a$/) }), { id: 'b' });
    expect(error).toMatchObject({ param: 'id', code: 'invalid_value' });
    expect(error.message).toMatch(/^Invalid value for 'id': .*\/\^a\$\//);
  });

  it('names a key that a strict one does not have', () => {
    const error = refusal(z.strictObject({ a: z.string() }), { a: 'x', extra: 1 });
    expect(error).toMatchObject({ param: null, code: 'invalid_value' });
    expect(error.message).toContain('extra');
  });

  it('does not count a parameter as missing that was given as null', () => {
    expect(refusal(z.object({ a: z.object({ b: z.string() }) }), { a: { b: null } })).toMatchObject({
      param: 'a.b',
      code: 'invalid_type',
    });
  });

  it('names the refinement by the type that it expects', () => {
    const even = z.number().refine((value) => value % 2 === 0, { params: { expected: 'even integer' } });
    expect(refusal(z.object({ n: even }), { n: 3 })).toMatchObject({
      message: "Invalid type for 'n': expected an even integer, but got an integer instead.",
      param: 'n',
      code: 'invalid_type',
    });
  });

  it('takes the branch of a union that matched furthest', () => {
    const schema = z.object({
      input: z.union([z.string(), z.array(z.object({ text: z.string(), kind: z.enum(['a', 'b']) }))]),
    });
    expect(refusal(schema, { input: [{ text: 'x', kind: 'c' }] })).toMatchObject({
      message: "Invalid value for 'input[0].kind': \"c\". Supported values are: 'a', 'b'.",
      param: 'input[0].kind',
      code: 'invalid_value',
    });
  });

  it('takes it whatever the order of the branches', () => {
    const shallow = z.object({ a: z.number() });
    const deep = z.object({ b: z.object({ c: z.number() }) });
    for (const schema of [z.union([shallow, deep]), z.union([deep, shallow])]) {
      expect(refusal(z.object({ x: schema }), { x: { b: { c: 'no' } } })).toMatchObject({
        param: 'x.b.c',
        code: 'invalid_type',
      });
    }
  });

  it('does not count a parameter as missing that is there without a value', () => {
    expect(refusal(z.object({ a: z.string() }), { a: undefined })).toMatchObject({
      message: "Invalid type for 'a': expected a string, but got nothing instead.",
      code: 'invalid_type',
    });
  });
});

it('takes only a number for one in a query', () => {
  expect(refusal(BatchListQuery, { limit: 'all' })).toMatchObject({
    message: "Invalid type for 'limit': expected a number, but got a string instead.",
    param: 'limit',
    code: 'invalid_type',
  });
});

describe('the path of a parameter', () => {
  it.each([
    [[], ''],
    [['model'], 'model'],
    [['messages', 0, 'content'], 'messages[0].content'],
    [['messages', 12, 'content', 3, 'text'], 'messages[12].content[3].text'],
  ])('%j is written %s', (path, text) => {
    expect(toParamPath(path)).toBe(text);
  });
});

describe('a prompt of a completion', () => {
  it.each<[unknown, string, string]>([
    [Array(2049).fill('a'), 'prompt', 'array_above_max_length'],
    [Array(2049).fill([1]), 'prompt', 'array_above_max_length'],
    [[], 'prompt', 'empty_array'],
    [[[1], []], 'prompt[1]', 'empty_array'],
    [[[1], [2], [3, -1]], 'prompt[2][1]', 'integer_below_min_value'],
    [['a', 'b', 5], 'prompt[2]', 'invalid_type'],
    [[1, 2, 'c'], 'prompt[2]', 'invalid_type'],
    [true, 'prompt', 'invalid_type'],
  ])('of several forms is refused for the form that fits it most: %#', (prompt, param, code) => {
    expect(refusal(CompletionRequest, { model: 'm', prompt })).toMatchObject({ param, code });
  });
});
