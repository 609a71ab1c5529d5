import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { describeError } from '../../observability/describeError.js';
import type { Outcome } from '../../observability/metrics/labels.js';
import { ApiError, toApiError } from '../../protocol/apiError.js';
import { headers } from '../../protocol/headers.js';
import { formatSseFrame } from '../../protocol/sse.js';
import { contextOf, settleInference, summarizeTraces, type InferenceContext } from '../requestContext.js';
import { UpstreamError } from '../upstream/upstreamError.js';

/** Answers what no route took. */
export const refuseUnknownRoutes: RequestHandler = (req) => {
  throw new ApiError('route_not_found', { message: `Invalid URL (${req.method} ${req.path})` });
};

/**
 * The one place where an error becomes an answer: JSON with its status, or, where a stream has begun, an error frame
 * and the end of the stream without `[DONE]`, which the official clients raise as an error.
 */
export const handleErrors: ErrorRequestHandler = (thrown, _req, res, _next) => {
  const error = toApiError(thrown);
  const context = contextOf(res);
  context.error = describeForLog(error);
  if (context.inference) settleInference(context.inference, outcomeOf(error, context.inference));

  if (res.destroyed) return;
  if (res.headersSent) {
    return void res.end(context.toErrorFrames?.(error) ?? formatSseFrame({ data: error.toBody() }));
  }
  sendError(res, error);
};

function sendError(res: Response, error: ApiError): void {
  if (error.retryAfterSeconds !== undefined) res.set(headers.retryAfter, String(error.retryAfterSeconds));
  if (error.queuePlace) {
    const { position, predictedStartMs } = error.queuePlace;
    res.set(headers.queuePosition, String(position));
    if (predictedStartMs !== undefined) res.set(headers.queuePredictedStartMs, String(predictedStartMs));
  }
  if (error.status === 401 && !res.hasHeader('www-authenticate')) res.set('www-authenticate', 'Bearer');
  if (error.allow) res.set('allow', error.allow.join(', '));
  if (error.errorName === 'server_is_draining') res.set('connection', 'close');
  if (error.shouldRetry !== undefined) res.set(headers.shouldRetry, String(error.shouldRetry));
  const { toErrorBody, requestId } = contextOf(res);
  res.status(error.status).json(toErrorBody?.(error, requestId) ?? error.toBody());
}

/** A wait for a slot that ended in a time-out is an error of ours; what was turned away at once is not. */
export function outcomeOf(error: ApiError, inference: InferenceContext): Outcome {
  if (error.errorName === 'request_aborted') return 'cancelled';
  const wasRefused = error.errorName.startsWith('server_is_') && summarizeTraces(inference).attempts === 0;
  const isRejected = error.status < 500 || wasRefused;
  return isRejected ? 'rejected' : 'error';
}

/** For the log: never the text of a request, which parse errors quote. */
export function describeForLog(error: ApiError): string {
  const { cause } = error;
  if (error.status < 500 || cause === undefined) return error.errorName;
  // What we say ourselves of a worker quotes nobody.
  return `${error.errorName}: ${cause instanceof UpstreamError ? (cause.stack ?? cause.message) : describeError(cause)}`;
}
