import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import onHeaders from 'on-headers';
import type { ControllerEvents, InferenceRecord } from '../../observability/events.js';
import type { Outcome } from '../../observability/metrics.js';
import { anonymousPrincipal } from '../../protocol/generateRequest.js';
import { headers } from '../../protocol/headers.js';
import { contextOf, settleInference, type InferenceContext, type RequestContext } from '../requestContext.js';

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
      if (!context.isInternal) report(events, req.method, res);
      else if (context.error !== undefined && res.statusCode !== 404) {
        events.internalCallRefused({ path: req.path, status: res.statusCode, reason: context.error });
      }
    });
    next();
  };
}

function report(events: Pick<ControllerEvents, 'requestFinished'>, method: string, res: Response): void {
  const { requestId, clientRequestId, arrivedAt, principal, path, inference, error } = contextOf(res);
  const now = performance.now();
  const outcome = res.writableFinished ? 'success' : 'cancelled';
  events.requestFinished({
    requestId,
    clientRequestId,
    method,
    path,
    status: res.headersSent ? res.statusCode : 499,
    durationMs: now - arrivedAt,
    inference: inference && toInferenceRecord(inference, { keyId: principal.keyId, arrivedAt, now, outcome }),
    error,
  });
}

/** For the log line and the metrics. `outcome` is that of a request of which none was said before. */
export function toInferenceRecord(
  inference: InferenceContext,
  { keyId, arrivedAt, now, outcome }: { keyId: string; arrivedAt: number; now: number; outcome: Outcome },
): InferenceRecord {
  const { model, isStream, finishReason, firstByteAt } = inference;
  const trace = settleInference(inference, outcome);
  return {
    isCounted: inference.account !== undefined,
    model,
    keyId,
    isStream,
    outcome: trace.outcome,
    nodeId: trace.nodeId,
    attempts: trace.attempts,
    promptTokens: trace.promptTokens,
    cachedTokens: trace.cachedTokens,
    completionTokens: trace.completionTokens,
    queueMs: trace.queueMs,
    firstTokenMs: trace.firstTokenAt === undefined ? undefined : trace.firstTokenAt - arrivedAt,
    streamMs: isStream && firstByteAt !== undefined ? now - firstByteAt : undefined,
    finishReason,
  };
}
