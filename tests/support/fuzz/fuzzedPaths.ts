import fc, { type Arbitrary } from 'fast-check';
import { json, type FuzzedRequest } from './fuzzedRequest.js';

/** Paths with ids in them: of what there is, of what there never was, and of what looks like another path. */

const id = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('$file$', '$batch$', '$response$', '$input$') },
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

const resource = fc.constantFrom('files', 'batches', 'responses', 'models', 'chat/completions', 'messages');
const tail = fc.constantFrom('', '', '', '/content', '/cancel', '/input_items', '/nope', '/');

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
  .tuple(
    fc.constantFrom('GET', 'GET', 'GET', 'POST', 'DELETE', 'PATCH'),
    fc.constantFrom('/v1', '/v1', ''),
    resource,
    fc.option(id, { freq: 4 }),
    tail,
    query,
    fc.boolean(),
  )
  .map(([method, prefix, folder, named, rest, asked, hasBody]) => {
    const path = `${prefix}/${folder}${named === null ? '' : `/${named}${rest}`}${asked}`;
    const isPost = method === 'POST' && hasBody;
    return {
      method,
      path,
      headers: isPost ? json : {},
      body: isPost ? Buffer.from('{}') : undefined,
      isValid: false,
    };
  });
