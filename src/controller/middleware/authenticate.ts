import type { RequestHandler } from 'express';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import { headers } from '../../protocol/headers.js';
import { bearerOf } from '../../security/secrets.js';
import type { KeyRing } from '../keys/keyRing.js';
import { toPrincipal } from '../keys/toPrincipal.js';
import { contextOf } from '../requestContext.js';

export interface AuthenticateDeps {
  readonly keys: Pick<KeyRing, 'isOpen' | 'verify'>;
  readonly events: Pick<ControllerEvents, 'keyChecked'>;
}

/**
 * Lets in whoever has an API key that works; all others get one answer, whatever is wrong with their key. As long as
 * there are no keys everybody is let in.
 */
export function createAuthenticate({ keys, events }: AuthenticateDeps): RequestHandler {
  return function authenticate(req, res, next) {
    const context = contextOf(res);
    if (keys.isOpen()) {
      context.authenticatedAt = performance.now();
      return next();
    }
    const { requestId } = context;
    const text = bearerOf(req.get('authorization')) ?? (req.get(headers.anthropicApiKey) || undefined);
    if (text === undefined) {
      events.keyChecked({ requestId, result: 'missing' });
      throw new ApiError('missing_api_key');
    }
    const verdict = keys.verify(text);
    if (verdict.result === 'invalid') {
      events.keyChecked({ requestId, result: 'invalid' });
      throw new ApiError('invalid_api_key');
    }
    const { result, key } = verdict;
    events.keyChecked({ requestId, result, keyId: key.id });
    if (result !== 'ok') throw new ApiError('invalid_api_key');
    context.principal = toPrincipal(key);
    context.key = key;
    context.authenticatedAt = performance.now();
    next();
  };
}
