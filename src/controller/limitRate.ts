import type { RequestHandler } from 'express';
import { ApiError } from '../protocol/apiError.js';

/** Lets so many requests a second through, all together, with as many at once after a pause. */
export function createLimitRate(
  perSecond: number,
  now: () => number = () => performance.now(),
): RequestHandler {
  let left = perSecond;
  let filledAt = now();
  return function limitRate(_req, _res, next) {
    const at = now();
    left = Math.min(perSecond, left + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
    if (left < 1) throw new ApiError('asked_too_often', { retryAfterSeconds: 1 });
    left--;
    next();
  };
}
