import fc, { type Arbitrary } from 'fast-check';
import { type z } from 'zod';
import { ChatCompletionRequest } from '../../src/protocol/openai/chatCompletions.js';
import { CompletionRequest } from '../../src/protocol/openai/completions.js';
import { scriptedModel } from './liveCluster.js';
import { toArbitrary } from './zodArbitrary.js';

/** One HTTP request, whole: what is odd about it may be anywhere. */
export interface FuzzedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | undefined;
  /** Its body fits the schema of its route, and nothing else is odd about it. */
  readonly isValid: boolean;
}

type Body = Record<string, unknown>;

/** What is fuzzed: a further endpoint is a further line. */
const endpoints: readonly { readonly path: string; readonly schema: z.ZodType }[] = [
  { path: '/v1/chat/completions', schema: ChatCompletionRequest },
  { path: '/v1/completions', schema: CompletionRequest },
];

const json = { 'content-type': 'application/json' };
const models = fc.oneof(
  { weight: 5, arbitrary: fc.constant(scriptedModel) },
  { weight: 2, arbitrary: fc.constant('tiny') },
  { weight: 1, arbitrary: fc.constantFrom('tiny-embedding', 'nope', 'constructor') },
);

/** Fields that contradict each other are taken out of most bodies, so that many are answered. */
const contradictions = ['stream_options', 'top_logprobs', 'tool_choice', 'suffix', 'best_of', 'tools'];
const plainMessages = fc.array(
  fc.record({ role: fc.constantFrom('system', 'user'), content: fc.string({ unit: 'binary' }) }),
  { minLength: 1, maxLength: 3 },
);

const bodies = endpoints.map(({ path, schema }) => ({
  path,
  body: fc
    .tuple(toArbitrary(schema) as Arbitrary<Body>, models, plainMessages, fc.nat(3))
    .map(([body, model, messages, luck]) => {
      const made: Body = { ...body, model };
      if (luck > 0) for (const name of contradictions) delete made[name];
      if (luck > 0 && 'messages' in made) made['messages'] = messages;
      return made;
    }),
}));

/** Wrong anywhere: another type, huge, nested for no reason, with names that mean something to JavaScript. */
const wrong: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, '', '\0', [], {}, [[]], { a: {} }, -1, 0.5),
  fc.constantFrom(1e308, -1e308, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e21, 5e-324),
  fc
    .constantFrom('__proto__', 'constructor', 'toString')
    .map((name) => JSON.parse(`{"${name}":1}`) as unknown),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.jsonValue(),
  fc.integer({ min: 2, max: 3_000 }).map((depth) => {
    return JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
  }),
);

/** Replaces, removes or wraps something at some depth. */
function damage(body: Body, choices: readonly number[], value: unknown): Body {
  const copy = structuredClone(body);
  let owner: Record<string, unknown> = copy;
  for (const [step, choice] of choices.entries()) {
    const keys = Object.keys(owner);
    const key = keys[choice % Math.max(keys.length, 1)] ?? 'added';
    const inner = owner[key];
    if (typeof inner === 'object' && inner !== null && step < choices.length - 1) {
      owner = inner as Record<string, unknown>;
      continue;
    }
    if (choice % 3 === 0) delete owner[key];
    else owner[key] = choice % 3 === 1 ? value : [inner];
    break;
  }
  return copy;
}

/** A real model takes its time for every token. */
function keepShort(body: Body): Body {
  if (body['model'] !== 'tiny') return body;
  const limit = (name: string, most: number) =>
    typeof body[name] === 'number' ? { [name]: Math.min(body[name], most) } : {};
  return { ...body, ...limit('n', 2), ...('messages' in body ? { max_tokens: 8 } : limit('max_tokens', 8)) };
}

const toRequest = (path: string, body: unknown, rest: Partial<FuzzedRequest> = {}): FuzzedRequest => ({
  method: 'POST',
  path,
  headers: json,
  body: Buffer.from(JSON.stringify(body) ?? ''),
  isValid: false,
  ...rest,
});

const anyBody = fc
  .constantFrom(...bodies)
  .chain(({ path, body }) => body.map((made) => ({ path, body: keepShort(made) })));

const valid = anyBody.map(({ path, body }) => toRequest(path, body, { isValid: true }));

const damaged = fc
  .tuple(anyBody, fc.array(fc.nat(1_000), { minLength: 1, maxLength: 4 }), wrong)
  .map(([{ path, body }, choices, value]) => toRequest(path, keepShort(damage(body, choices, value))));

const notJson = fc
  .tuple(
    fc.constantFrom(...endpoints.map(({ path }) => path), '/internal/v1/nodes', '/v1/internal/nodes'),
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
  { weight: 6, arbitrary: valid },
  { weight: 6, arbitrary: damaged },
  { weight: 2, arbitrary: notJson },
  { weight: 2, arbitrary: oddHeaders },
  { weight: 2, arbitrary: oddRoutes },
);
