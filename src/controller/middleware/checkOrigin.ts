import cors from 'cors';
import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { headers, rateLimitHeaders } from '../../protocol/headers.js';

/** What scripts of an allowed page may read of an answer. */
const exposedHeaders = [
  headers.requestId,
  headers.anthropicRequestId,
  headers.processingMs,
  headers.openAiVersion,
  headers.retryAfter,
  headers.shouldRetry,
  headers.queuePosition,
  headers.queuePredictedStartMs,
  ...rateLimitHeaders,
  headers.route,
];

/** For how long a browser may remember that it was let in. */
const maxAgeSeconds = 600;

/**
 * Web pages of another origin than this server's may do nothing here, unless they are of an allowed one (`*`: any).
 * Browsers send their origin with whatever could do something; other clients have none.
 */
export function createCheckOrigin(allowedOrigins: readonly string[]): RequestHandler {
  const allowed = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  const answerCors = cors({
    // As it was sent: none but allowed ones come so far.
    origin: true,
    methods: ['GET', 'POST', 'DELETE'],
    exposedHeaders,
    maxAge: maxAgeSeconds,
  });

  return function checkOrigin(req, res, next) {
    const { origin, host } = req.headers;
    if (origin === undefined || isOwn(origin, host)) return next();
    if (!allowed.has('*') && !allowed.has(origin.toLowerCase())) throw new ApiError('origin_not_allowed');
    answerCors(req, res, next);
  };
}

/** A proxy in front may speak TLS where this server does not. */
function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
