import type { RequestHandler } from 'express';
import { ApiError, type ErrorName } from '../../protocol/apiError.js';
import { isBearerOf } from '../../security/secrets.js';

/**
 * For those who have one secret of the installation, the admin token or the cluster's: no API key replaces it, and
 * nothing of a request without it is read.
 */
export function createRequireSecret(secret: string, refusal: ErrorName): RequestHandler {
  return function requireSecret(req, _res, next) {
    if (!isBearerOf(req.get('authorization'), secret)) throw new ApiError(refusal);
    next();
  };
}
