import fc, { type Arbitrary } from 'fast-check';
import { json, type FuzzedRequest } from './fuzzedRequest.js';

/** Paths with ids in them: of what there is, of what there never was, and of what looks like another path. */

const strangeId = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('$file$', '$batch$', '$response$', '$input$') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['file-x', 'batch_x', 'resp_x', 'tiny', 'org%2Fscripted:Q4_K_M', 'input_tokens', 'count_tokens'],
      ...[
        '%00',
        '%E0',
        '%',
        '%2e%2e%2f%2e%2e%2fetc',
        '..',
        '.',
        '%20',
        '%0d%0aset-cookie:a',
        "'%20OR%201=1--",
      ],
      ...['__proto__', 'constructor', 'null', 'undefined', '-1', '0', 'x'.repeat(3_000)],
    ),
  },
  {
    weight: 2,
    arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(encodeURIComponent),
  },
);

/** What there is to be asked of what has an id, `*`, and an id that it is there with. */
const operations = [
  ...['GET /files/*', 'DELETE /files/*', 'GET /files/*/content', 'GET /files'].map(
    (of) => [of, '$file$'] as const,
  ),
  ...['GET /batches/*', 'POST /batches/*/cancel', 'GET /batches'].map((of) => [of, '$batch$'] as const),
  ...['GET /responses/*', 'DELETE /responses/*'].map((of) => [of, '$response$'] as const),
  ...['GET /responses/*/input_items', 'POST /responses/*/cancel'].map((of) => [of, '$response$'] as const),
  ['GET /models/*', 'tiny'],
  ['GET /chat/completions/*', 'chatcmpl-x'],
  ['GET /messages/*', 'msg_x'],
] as const;

const rarely = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Mostly right; else with another id, another method, or something behind it. */
const operation = fc
  .tuple(
    fc.constantFrom(...operations),
    rarely(strangeId),
    rarely(fc.constantFrom('GET', 'POST', 'DELETE', 'PATCH')),
    rarely(fc.constantFrom('/', '/content', '/nope')),
  )
  .map(([[of, own], strange, otherMethod, tail]) => {
    const [method = '', path = ''] = of.split(' ');
    return { method: otherMethod ?? method, path: path.replace('*', () => strange ?? own) + (tail ?? '') };
  });

const value = fc.oneof(
  fc.constantFrom(
    '1',
    '2',
    '20',
    '0',
    '-1',
    '1e9',
    '1.5',
    '',
    '%20',
    'true',
    'asc',
    'desc',
    'batch',
    '$file$',
    'NaN',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map(encodeURIComponent),
);
const name = fc.constantFrom(
  ...['limit', 'after', 'order', 'purpose', 'stream', 'starting_after', 'include'],
  ...['limit[]', 'after[a]', 'limit[__proto__]', '__proto__', 'constructor'],
);
const query = fc
  .array(fc.tuple(name, value), { maxLength: 4 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`));

/** Reads, lists, cancels and deletes. */
export const idPath: Arbitrary<FuzzedRequest> = fc
  .tuple(operation, fc.constantFrom('/v1', '/v1', ''), query, fc.boolean())
  .map(([{ method, path }, prefix, asked, hasBody]) => {
    const isPost = method === 'POST' && hasBody;
    return {
      method,
      path: `${prefix}${path}${asked}`,
      headers: isPost ? json : {},
      body: isPost ? Buffer.from('{}') : undefined,
      isValid: false,
    };
  });
