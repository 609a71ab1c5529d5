import { ApiError } from '../../protocol/apiError.js';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { BudgetPeriod } from './tokenBudgets.js';
import { totalOf, type TokenNeed } from './tokenNeed.js';

/** Official clients wait for so long at most. */
const longestWaitSeconds = 60;
/** Nobody knows when a request ends. */
const waitForAnEndSeconds = 1;

export function requestLimitReached(limit: number | null, roomInMs: number): ApiError {
  const retryAfterSeconds = toSeconds(roomInMs);
  const message = `This API key may send ${limit} requests in 60 seconds. Try again in ${retryAfterSeconds} s.`;
  return new ApiError('request_limit_reached', { message, retryAfterSeconds });
}

export function concurrencyLimitReached(limit: number): ApiError {
  const message = `This API key may have ${limit} requests at once. Try again when one of them has ended.`;
  return new ApiError('concurrency_limit_reached', { message, retryAfterSeconds: waitForAnEndSeconds });
}

export function tokenLimitReached(need: TokenNeed, limit: number, roomInMs: number): ApiError {
  if (need.named > limit) {
    const message = `This API key may use ${limit} tokens in 60 seconds, and this request asks for up to ${need.named}: ask for fewer.`;
    return new ApiError('request_above_token_limit', { message });
  }
  const retryAfterSeconds = toSeconds(roomInMs);
  const message = `This API key may use ${limit} tokens in 60 seconds, and there is no room now for up to ${totalOf(need)} more. Try again in ${retryAfterSeconds} s.`;
  return new ApiError('token_limit_reached', { message, retryAfterSeconds });
}

export function budgetUsedUp(
  need: TokenNeed,
  { tokensPerDay, tokensPerMonth }: Pick<ApiKey, 'tokensPerDay' | 'tokensPerMonth'>,
  period: BudgetPeriod,
): ApiError {
  const budget = period === 'day' ? tokensPerDay : tokensPerMonth;
  const message = `This API key may use ${budget} tokens a ${period}, and what is left does not suffice for up to ${totalOf(need)} more. The ${period} ends by UTC.`;
  return new ApiError('budget_used_up', { message });
}

function toSeconds(ms: number): number {
  return Math.min(longestWaitSeconds, Math.max(1, Math.ceil(ms / 1_000)));
}
