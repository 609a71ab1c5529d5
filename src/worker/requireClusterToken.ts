import type { Request, RequestHandler } from 'express';
import { ApiError } from '../protocol/apiError.js';
import { isBearerOf } from '../security/secrets.js';

/** Whether a request comes from the controller, or from somebody else who has the token of the cluster. */
export function hasClusterToken(req: Request, clusterToken: string): boolean {
  return isBearerOf(req.get('authorization'), clusterToken);
}

/** Refuses everything without the token, before anything of the request is read. */
export function createRequireClusterToken(clusterToken: string): RequestHandler {
  return function requireClusterToken(req, res, next) {
    if (hasClusterToken(req, clusterToken)) return next();
    // Without waiting for the rest of what a stranger sends.
    res.set({ 'www-authenticate': 'Bearer', connection: 'close' });
    throw new ApiError('cluster_token_invalid');
  };
}
