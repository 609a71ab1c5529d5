import fc, { type Arbitrary } from 'fast-check';
import { damage, wrong } from './damage.js';
import { anyBody, jsonPaths, keepShort } from './fuzzedBodies.js';
import { damagedForm, validForm } from './fuzzedForms.js';
import { idPath } from './fuzzedPaths.js';
import { json, toRequest, type FuzzedRequest } from './fuzzedRequest.js';

const validBody = anyBody.map(({ path, body }) => toRequest(path, body, { isValid: true }));

const damagedBody = fc
  .tuple(anyBody, fc.array(fc.nat(1_000), { minLength: 1, maxLength: 4 }), wrong)
  .map(([{ path, body }, choices, value]) => toRequest(path, keepShort(path, damage(body, choices, value))));

const notJson = fc
  .tuple(
    fc.constantFrom(...jsonPaths, '/v1/files', '/internal/v1/nodes', '/internal/v1/nodes/x/heartbeat'),
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .tuple(anyBody, fc.nat(400))
        .map(([{ body }, end]) => Buffer.from(JSON.stringify(body)).subarray(0, end)),
      fc
        .constantFrom('utf16le' as const, 'latin1' as const)
        .map((encoding) => Buffer.from('{"model":"tïny"}', encoding)),
    ),
  )
  .map(([path, body]) => toRequest(path, undefined, { body }));

const oddHeaders = fc
  .tuple(
    anyBody,
    fc.oneof(
      fc
        .constantFrom('text/plain', 'application/json; charset=utf-16', 'application/json; charset="', '')
        .map((type) => ({ 'content-type': type })),
      fc
        .constantFrom('multipart/form-data', 'application/x-www-form-urlencoded', 'application/vnd.api+json')
        .map((type) => ({ 'content-type': type })),
      fc
        .constantFrom('gzip', 'br', 'deflate', 'identity', 'gzip, gzip', 'nope')
        .map((encoding) => ({ ...json, 'content-encoding': encoding })),
      fc.constantFrom<Record<string, string>>(
        { ...json, accept: 'text/html' },
        { ...json, 'x-client-request-id': 'x'.repeat(4_000) },
        { ...json, 'x-huge': 'x'.repeat(20_000) },
        { ...json, expect: '100-continue' },
        { ...json, expect: 'something' },
        { ...json, connection: 'upgrade', upgrade: 'h2c' },
        { ...json, range: 'bytes=0-1', 'if-none-match': '*' },
      ),
    ),
  )
  .map(([{ path, body }, headers]) => toRequest(path, body, { headers }));

const oddRoutes = fc
  .tuple(
    fc.constantFrom(
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'HEAD',
      'TRACE',
      'PROPFIND',
      'M-SEARCH',
    ),
    fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '/v1',
        '/v1/',
        '/v1/models',
        '/models',
        '/health',
        '/ready',
        '/cluster/status',
        '/metrics',
      ),
      fc.constantFrom(
        '/v1/chat/completions',
        '/v1/chat/completions/',
        '/V1/Chat/Completions',
        '/v1//chat/completions',
      ),
      fc.constantFrom(
        '/v1/models/%E0',
        '/v1/models/%00',
        '/v1/models/..%2f..%2fetc',
        '/v1/models/%',
        '/v1/models/a/b:c',
        '/v1/models/',
      ),
      fc.constantFrom(
        '/v1/../v1/models',
        '/internal/v1/nodes',
        '/internal/v1/nodes/x/heartbeat',
        '/favicon.ico',
        '/?%',
        '*',
      ),
      fc.constantFrom(
        'http://example.com/v1/models',
        `/v1/models/${'x'.repeat(3_000)}`,
        `/v1/models?${'x'.repeat(20_000)}`,
      ),
      fc.webPath(),
    ),
    fc.option(anyBody, { freq: 2 }),
  )
  .map(([method, path, made]): FuzzedRequest => ({
    method,
    path: path === '' ? '/' : path,
    headers: made ? json : {},
    body: made ? Buffer.from(JSON.stringify(made.body)) : undefined,
    isValid: false,
  }));

/** A third is valid. */
export const fuzzedRequest: Arbitrary<FuzzedRequest> = fc.oneof(
  { weight: 17, arbitrary: validBody },
  { weight: 2, arbitrary: validForm },
  { weight: 16, arbitrary: damagedBody },
  { weight: 3, arbitrary: damagedForm },
  { weight: 9, arbitrary: idPath },
  { weight: 4, arbitrary: notJson },
  { weight: 3, arbitrary: oddHeaders },
  { weight: 4, arbitrary: oddRoutes },
);
