import type { ApiKey } from '../../protocol/apiKeys.js';
import type { RateLimitHeader } from '../../protocol/headers.js';
import { formatGoDuration } from './goDuration.js';
import type { KeyUse } from './keyUses.js';

/** What a client may still do, as OpenAI's headers say it; nothing of limits that the key does not have. */
export function toRateLimitHeaders(
  { requestsPerMinute, tokensPerMinute }: Pick<ApiKey, 'requestsPerMinute' | 'tokensPerMinute'>,
  { requests, tokens }: KeyUse,
  nowMs: number,
): Partial<Record<RateLimitHeader, string>> {
  return {
    ...toTrio('requests', requestsPerMinute, requests.used(nowMs), requests.emptyInMs(nowMs)),
    ...toTrio('tokens', tokensPerMinute, tokens.taken(nowMs), tokens.emptyInMs(nowMs)),
  };
}

function toTrio(
  what: 'requests' | 'tokens',
  limit: number | null,
  taken: number,
  resetMs: number,
): Partial<Record<RateLimitHeader, string>> {
  if (limit === null) return {};
  return {
    [`x-ratelimit-limit-${what}`]: String(limit),
    [`x-ratelimit-remaining-${what}`]: String(Math.max(0, limit - taken)),
    [`x-ratelimit-reset-${what}`]: formatGoDuration(resetMs),
  };
}
