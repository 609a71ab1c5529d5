import { setTimeout as delay } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import { contextOf, type RequestContext } from '../requestContext.js';

/** Counts the requests that run, and lets none in while the controller waits for them to end. */
export interface DrainGate {
  readonly middleware: RequestHandler;
  isDraining(): boolean;
  activeRequests(): number;
  /** Resolves when no request runs any more; those that still run after `timeoutMs` are ended with an error. */
  drain(timeoutMs: number): Promise<void>;
}

export function createDrainGate(events: Pick<ControllerEvents, 'queueRejected'>): DrainGate {
  const active = new Set<RequestContext>();
  let isDraining = false;
  let onEmpty: (() => void) | undefined;

  const untilEmpty = () =>
    active.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (onEmpty = resolve));

  return {
    middleware: function passGate(_req, res, next) {
      const context = contextOf(res);
      if (isDraining) {
        if (context.inference) events.queueRejected({ reason: 'draining', keyId: context.principal.keyId });
        throw new ApiError('server_is_draining', { retryAfterSeconds: 1 });
      }
      active.add(context);
      res.once('close', () => {
        active.delete(context);
        if (active.size === 0) onEmpty?.();
      });
      next();
    },
    isDraining: () => isDraining,
    activeRequests: () => active.size,
    drain: async (timeoutMs) => {
      isDraining = true;
      const timer = new AbortController();
      await Promise.race([
        untilEmpty(),
        delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
      for (const context of active) context.abort.abort(new ApiError('server_is_draining'));
      // The aborted requests need a moment to send their last frame; a client that does not read it is not waited for.
      await Promise.race([untilEmpty(), delay(1_000)]);
    },
  };
}
