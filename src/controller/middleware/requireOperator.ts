import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { isFromThisMachine } from '../../security/loopback.js';
import { basicPasswordOf, bearerOf, equalSecrets } from '../../security/secrets.js';

/**
 * For what operators look at: programs on this machine may, others need the admin token, as a bearer or as the password
 * of basic authorization, with any user name.
 */
export function createRequireOperator(adminToken: string): RequestHandler {
  return function requireOperator(req, res, next) {
    if (isFromThisMachine(req)) return next();
    const authorization = req.get('authorization');
    const given = bearerOf(authorization) ?? basicPasswordOf(authorization);
    if (given !== undefined && equalSecrets(given, adminToken)) return next();
    // Browsers then ask for it.
    res.set('www-authenticate', 'Basic realm="ai-cluster"');
    throw new ApiError('invalid_admin_token');
  };
}
