import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import onHeaders from 'on-headers';
import type { ControllerEvents } from '../../observability/events.js';
import { anonymousPrincipal } from '../../protocol/generateRequest.js';
import { headers } from '../../protocol/headers.js';
import { toInferenceRecord } from '../toInferenceRecord.js';
import { contextOf, type RequestContext } from '../requestContext.js';

/** The version of OpenAI's API, which has been this one for as long as there have been versions. */
const openAiVersion = '2020-10-01';

/** A reason of our own, because the default one is an exception with a stack for every request. */
const clientLeft = 'the client left';

/** Gives each request its context and `x-request-id`, and reports it once when its answer has ended or was left. */
export function trackRequests(
  events: Pick<ControllerEvents, 'requestFinished' | 'internalCallRefused'>,
): RequestHandler {
  return function trackRequest(req, res, next) {
    const context: RequestContext = {
      requestId: `req_${randomUUID().replaceAll('-', '')}`,
      clientRequestId: req.get(headers.clientRequestId)?.slice(0, 128),
      arrivedAt: performance.now(),
      principal: anonymousPrincipal,
      abort: new AbortController(),
    };
    res.locals['context'] = context;
    res.set({ [headers.requestId]: context.requestId, [headers.openAiVersion]: openAiVersion });
    onHeaders(res, () => {
      res.set(headers.processingMs, String(Math.round(performance.now() - context.arrivedAt)));
    });
    res.once('close', () => {
      context.abort.abort(clientLeft);
      if (!context.isInternal) report(events, req, res);
      else if (context.error !== undefined && res.statusCode !== 404) {
        events.internalCallRefused({ path: req.path, status: res.statusCode, reason: context.error });
      }
    });
    next();
  };
}

function report(events: Pick<ControllerEvents, 'requestFinished'>, req: Request, res: Response): void {
  const { requestId, clientRequestId, arrivedAt, authenticatedAt, principal, path, inference, error } =
    contextOf(res);
  const now = performance.now();
  const outcome = res.writableFinished ? 'success' : 'cancelled';
  const { keyId } = principal;
  events.requestFinished({
    requestId,
    clientRequestId,
    method: req.method,
    path,
    status: res.headersSent ? res.statusCode : 499,
    endedAt: now,
    durationMs: now - arrivedAt,
    traceParent: req.get(headers.traceParent),
    inference: inference && toInferenceRecord(inference, { keyId, arrivedAt, authenticatedAt, now, outcome }),
    error,
  });
}
