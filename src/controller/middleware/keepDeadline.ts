import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { headers } from '../../protocol/headers.js';
import { contextOf } from '../requestContext.js';

/**
 * Ends a request, wherever it is, when its time is over: what its client gave it (`x-request-timeout-ms`), `longestMs`
 * at most and otherwise.
 */
export function createKeepDeadline(longestMs: number): RequestHandler {
  return function keepDeadline(req, res, next) {
    const text = req.get(headers.requestTimeout);
    const timeoutMs = text === undefined ? longestMs : /^\d{1,10}$/.test(text) ? Number(text) : 0;
    if (timeoutMs < 1 || timeoutMs > longestMs) {
      const message = `Invalid header '${headers.requestTimeout}': expected whole milliseconds, 1 to ${longestMs}.`;
      throw new ApiError('invalid_value', { message, param: headers.requestTimeout });
    }
    const context = contextOf(res);
    // What nobody asked for is kept here alone: workers have no use for it.
    if (text !== undefined) context.deadlineAt = context.arrivedAt + timeoutMs;
    const expire = () => {
      const message = `The request was not finished in ${longestMs / 1000} s, the longest time that this server gives one.`;
      context.abort.abort(new ApiError('deadline_exceeded', text === undefined ? { message } : {}));
    };
    const timer = setTimeout(expire, timeoutMs);
    res.once('close', () => clearTimeout(timer));
    next();
  };
}
