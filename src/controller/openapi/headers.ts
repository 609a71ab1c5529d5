import { headers, rateLimitHeaders, type RateLimitHeader } from '../../protocol/headers.js';
import type { HeaderObject, Reference } from './openApiDocument.js';
import type { DescribedAccess } from './operation.js';

const rateLimits: Readonly<Record<RateLimitHeader, HeaderObject>> = {
  'x-ratelimit-limit-requests': {
    description: 'Requests that the API key may send in any 60 seconds; absent where it has no such limit.',
    schema: { type: 'integer', minimum: 1 },
  },
  'x-ratelimit-remaining-requests': {
    description: 'How many more of them there is room for now.',
    schema: { type: 'integer', minimum: 0 },
  },
  'x-ratelimit-reset-requests': {
    description: 'Until none of them counts any more, as Go writes a time: `12ms`, `1.5s`, `1m0s`.',
    schema: { type: 'string' },
  },
  'x-ratelimit-limit-tokens': {
    description: 'Tokens that the API key may use in any 60 seconds; absent where it has no such limit.',
    schema: { type: 'integer', minimum: 1 },
  },
  'x-ratelimit-remaining-tokens': {
    description: 'How many more of them there is room for now, beside what running requests may need.',
    schema: { type: 'integer', minimum: 0 },
  },
  'x-ratelimit-reset-tokens': {
    description: 'Until none of them counts any more, as `x-ratelimit-reset-requests`.',
    schema: { type: 'string' },
  },
};

/** All headers that answers have, by their names. */
export const headerComponents: Readonly<Record<string, HeaderObject>> = {
  [headers.requestId]: { description: 'Names the request in the log.', schema: { type: 'string' } },
  [headers.retryAfter]: {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', minimum: 1, maximum: 60 },
  },
  ...rateLimits,
};

/** Those of one answer: one that asks for patience says for how long, and one to an API key what that may still do. */
export function headersOf(status: number, access: DescribedAccess): Readonly<Record<string, Reference>> {
  const isPatience = status === 429 || status === 503 || status === 504;
  const isToKey = access === 'key' && status !== 401;
  const names = [
    headers.requestId,
    ...(isPatience ? [headers.retryAfter] : []),
    ...(isToKey ? rateLimitHeaders : []),
  ];
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
