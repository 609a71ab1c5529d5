import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import onHeaders from 'on-headers';
import type { ControllerEvents } from '../../observability/events.js';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { KeyUses } from '../limits/keyUses.js';
import { concurrencyLimitReached, requestLimitReached } from '../limits/limitErrors.js';
import { toRateLimitHeaders } from '../limits/rateLimitHeaders.js';
import { createRequestLogStore } from '../limits/requestLogStore.js';
import { windowMs } from '../limits/window.js';
import { contextOf } from '../requestContext.js';

export interface LimitRequestsDeps {
  readonly uses: KeyUses;
  /** As it is now: it may have been changed since the request was let in. */
  readonly findKey: (keyId: string) => ApiKey | undefined;
  readonly events: Pick<ControllerEvents, 'keyLimitReached'>;
  /** Of a clock that never jumps. */
  readonly now: () => number;
}

/** Keeps the requests of each key within its limits at once and a minute, and tells its clients what is left. */
export function createLimitRequests({ uses, findKey, events, now }: LimitRequestsDeps): RequestHandler[] {
  const limitOf = (keyId: string) => findKey(keyId)?.requestsPerMinute ?? null;

  const tellWhatIsLeft: RequestHandler = (_req, res, next) => {
    const { key } = contextOf(res);
    if (key && (key.requestsPerMinute ?? key.tokensPerMinute) !== null) {
      onHeaders(res, () => void res.set(toRateLimitHeaders(key, uses.of(key.id), now())));
    }
    next();
  };

  const limitConcurrency: RequestHandler = (_req, res, next) => {
    const { key } = contextOf(res);
    if (!key) return next();
    const limit = key.concurrentRequests ?? Infinity;
    const leave = uses.of(key.id).tryEnter(limit);
    if (!leave) {
      events.keyLimitReached(key.id);
      throw concurrencyLimitReached(limit);
    }
    res.once('close', leave);
    next();
  };

  const limitRate = rateLimit({
    windowMs,
    store: createRequestLogStore(uses, { limitOf, now }),
    skip: (_req, res) => (contextOf(res).key?.requestsPerMinute ?? null) === null,
    keyGenerator: (_req, res) => contextOf(res).key?.id ?? '',
    // The store knows each key's own.
    limit: Number.MAX_SAFE_INTEGER,
    handler: (_req, res, next) => {
      const keyId = contextOf(res).key?.id ?? '';
      const limit = limitOf(keyId);
      events.keyLimitReached(keyId);
      next(requestLimitReached(limit, uses.of(keyId).requests.roomInMs(limit ?? Infinity, now())));
    },
    legacyHeaders: false,
    standardHeaders: false,
    // Its checks are about addresses and its own windows.
    validate: false,
  });

  return [tellWhatIsLeft, limitConcurrency, limitRate];
}
