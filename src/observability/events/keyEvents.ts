import { describeError } from '../describeError.js';
import { initializeKey } from '../metrics/controllerMetrics.js';
import type { AuthResult, QueueRejection } from '../metrics/labels.js';
import type { EventDeps } from './eventDeps.js';

export interface KeyCheck {
  readonly requestId: string;
  readonly result: AuthResult | 'disabled';
  /** Only where its secret was right. */
  readonly keyId?: string;
}

/** What happens to API keys and to those who show them. */
export function createKeyEvents({ logger, metrics, names }: EventDeps) {
  const countLimit = (keyId: string) => metrics.apiKeyRateLimitHits.inc({ key_id: names.keyLabel(keyId) });

  return {
    /** A key was looked for in a request, of which there is a log line of its own; `keyId` where there is such a key. */
    keyChecked({ result, ...check }: KeyCheck): void {
      metrics.authAttempts.inc({ result: result === 'disabled' ? 'revoked' : result });
      if (result !== 'ok' && check.keyId !== undefined) {
        logger.info('api key refused', { ...check, reason: result });
      }
    },

    /** It was made, or was there when the controller started. */
    keyAdded(keyId: string): void {
      names.keyAdded(keyId);
      initializeKey(metrics, keyId);
    },

    keyRevoked(keyId: string): void {
      names.keyRevoked(keyId);
      metrics.registry.forget('key_id', keyId);
      logger.info('api key revoked', { keyId });
    },

    /** Those that were read before go on to work, until reading succeeds again. */
    keysUnreadable(error: unknown): void {
      logger.error('api keys could not be read', { reason: describeError(error) });
    },

    /** The request has a log line of its own. */
    queueRejected({ reason, keyId }: { reason: QueueRejection; keyId: string }): void {
      metrics.queueRejected.inc({ reason });
      if (reason === 'key_limit') countLimit(keyId);
    },

    /** A request was refused because of a limit or a budget of its key; it has a log line of its own. */
    keyLimitReached(keyId: string): void {
      countLimit(keyId);
    },
  };
}
