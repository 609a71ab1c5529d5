import { describe, expect, it } from 'vitest';
import { ApiError, errorTable, toApiError, type ErrorName } from '../../../src/protocol/apiError.js';

const names = Object.keys(errorTable) as ErrorName[];

/** Where OpenAI's `code` is not the name of the row. */
const otherCodes: Partial<Record<ErrorName, string | null>> = {
  invalid_json: null,
  invalid_body: null,
  unsupported_content_type: null,
  unreadable_request: null,
  url_too_long: null,
  asked_too_often: 'rate_limit_exceeded',
  headers_too_large: null,
  request_too_slow: null,
  body_too_large: null,
  route_not_found: null,
  object_not_found: null,
  missing_api_key: null,
  worker_failed: null,
  queue_timeout: 'timeout',
  deadline_exceeded: 'timeout',
  key_queue_limit: 'rate_limit_exceeded',
  request_limit_reached: 'rate_limit_exceeded',
  concurrency_limit_reached: 'rate_limit_exceeded',
  token_limit_reached: 'rate_limit_exceeded',
  request_above_token_limit: 'rate_limit_exceeded',
  budget_used_up: 'insufficient_quota',
  request_aborted: null,
  internal_error: null,
  response_not_found: null,
  item_not_found: null,
  tool_call_not_found: null,
  response_not_cancellable: null,
};

/** What is limited, where it is something else than requests. */
const limitedResources: Partial<Record<ErrorName, string>> = {
  token_limit_reached: 'tokens',
  request_above_token_limit: 'tokens',
  budget_used_up: 'insufficient_quota',
};

const statuses: Record<ErrorName, number> = {
  cluster_token_invalid: 401,
  host_not_allowed: 421,
  invalid_json: 400,
  invalid_body: 400,
  unsupported_content_type: 415,
  unreadable_request: 400,
  url_too_long: 414,
  headers_too_large: 431,
  request_too_slow: 408,
  body_too_large: 413,
  missing_required_parameter: 400,
  invalid_type: 400,
  invalid_value: 400,
  integer_below_min_value: 400,
  integer_above_max_value: 400,
  decimal_below_min_value: 400,
  decimal_above_max_value: 400,
  empty_array: 400,
  array_above_max_length: 400,
  empty_string: 400,
  string_above_max_length: 400,
  object_above_max_properties: 400,
  unsupported_parameter: 400,
  unsupported_value: 400,
  context_length_exceeded: 400,
  model_not_found: 404,
  route_not_found: 404,
  object_not_found: 404,
  node_not_found: 404,
  node_id_taken: 409,
  node_exists: 409,
  node_leaving: 409,
  node_removed: 403,
  missing_api_key: 401,
  invalid_admin_token: 401,
  key_not_found: 404,
  key_revoked: 409,
  invalid_api_key: 401,
  asked_too_often: 429,
  origin_not_allowed: 403,
  method_not_supported: 405,
  server_is_overloaded: 503,
  server_is_draining: 503,
  worker_failed: 502,
  queue_timeout: 504,
  deadline_exceeded: 504,
  request_crashes_workers: 500,
  key_queue_limit: 429,
  request_limit_reached: 429,
  concurrency_limit_reached: 429,
  token_limit_reached: 429,
  request_above_token_limit: 429,
  budget_used_up: 429,
  request_aborted: 499,
  internal_error: 500,
  previous_response_not_found: 400,
  response_not_found: 404,
  item_not_found: 404,
  tool_call_not_found: 400,
  response_not_cancellable: 400,
};

describe('the error table', () => {
  it.each(names)('%s has its name as code, or the documented one', (name) => {
    const expected = name in otherCodes ? otherCodes[name] : name;
    expect(new ApiError(name).toBody().error.code).toBe(expected);
  });

  it.each(names)('%s has its status, and the type that goes with it', (name) => {
    const error = new ApiError(name);
    expect(error.status).toBe(statuses[name]);
    const { type } = error.toBody().error;
    // OpenAI names the resource that is limited.
    if (error.status === 429) expect(type).toBe(limitedResources[name] ?? 'requests');
    else if (error.status < 500) expect(type).toBe('invalid_request_error');
    else if (error.status === 503) expect(type).toBe('service_unavailable_error');
    else expect(type).toBe('server_error');
  });

  it.each(names)('%s has a body of exactly four keys, and a message', (name) => {
    const body = new ApiError(name).toBody();
    expect(Object.keys(body)).toEqual(['error']);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(body.error.message).toMatch(/^[A-Z].*\.$/);
    expect(body.error.param).toBeNull();
  });

  it('keeps the four keys in JSON, where an undefined one would be lost', () => {
    for (const name of names) {
      const parsed = JSON.parse(JSON.stringify(new ApiError(name).toBody())) as { error: object };
      expect(Object.keys(parsed.error)).toHaveLength(4);
    }
  });
});

describe('an API error', () => {
  it('takes a message, a parameter and the headers to send from its options', () => {
    const cause = new Error('inside');
    const error = new ApiError('server_is_overloaded', {
      message: 'Full.',
      param: 'messages[0].content',
      retryAfterSeconds: 7,
      allow: ['GET'],
      cause,
    });
    expect(error).toMatchObject({
      name: 'ApiError',
      errorName: 'server_is_overloaded',
      retryAfterSeconds: 7,
      allow: ['GET'],
      cause,
    });
    expect(error.toBody()).toEqual({
      error: {
        message: 'Full.',
        type: 'service_unavailable_error',
        param: 'messages[0].content',
        code: 'server_is_overloaded',
      },
    });
  });

  it('does not show its cause', () => {
    const error = new ApiError('worker_failed', { cause: new Error('at 10.0.0.7') });
    expect(JSON.stringify(error.toBody())).not.toContain('10.0.0.7');
  });
});

describe('whatever is thrown', () => {
  it('stays what it is when it is an API error', () => {
    const error = new ApiError('model_not_found');
    expect(toApiError(error)).toBe(error);
  });

  it.each([
    ['entity.parse.failed', 400, 'invalid_json', 400],
    ['entity.too.large', 413, 'body_too_large', 413],
    ['encoding.unsupported', 415, 'unsupported_content_type', 415],
    ['charset.unsupported', 415, 'unsupported_content_type', 415],
    ['request.aborted', 400, 'request_aborted', 499],
    ['request.size.invalid', 400, 'invalid_body', 400],
  ])("becomes the row of body-parser's %s", (type, status, name, expectedStatus) => {
    const thrown = Object.assign(new Error('secret detail'), { type, status });
    const error = toApiError(thrown);
    expect(error).toMatchObject({ errorName: name, status: expectedStatus, cause: thrown });
    expect(error.message).not.toContain('secret');
  });

  it.each([400, 414, 499])('is a bad body when it says %d', (status) => {
    const error = toApiError(Object.assign(new Error('secret detail'), { status }));
    expect(error).toMatchObject({ errorName: 'invalid_body', status: 400 });
    expect(error.message).not.toContain('secret');
  });

  it.each([
    ['an error', new Error('password=hunter2')],
    ['an error with a status of 500', Object.assign(new Error('password=hunter2'), { status: 500 })],
    ['an error with a status of 302', Object.assign(new Error('password=hunter2'), { status: 302 })],
    ['an error whose type is no row', Object.assign(new Error('password=hunter2'), { type: 'toString' })],
    ['a text', 'password=hunter2'],
    ['an object that looks like a client error', { status: 400, message: 'password=hunter2' }],
    ['nothing', undefined],
  ])("shows 'Internal error.' for %s", (_what, thrown) => {
    const error = toApiError(thrown);
    expect(error.status).toBe(500);
    expect(error.toBody()).toEqual({
      error: { message: 'Internal error.', type: 'server_error', param: null, code: null },
    });
    expect(error.cause).toBe(thrown);
  });
});
