import type { Response } from 'express';
import type { Outcome } from '../observability/metrics.js';
import type { Principal } from '../protocol/generateRequest.js';
import type { DispatchTrace } from './dispatch.js';

/** An inference request, as far as it is known; the rest is in the trace. */
export interface InferenceContext {
  /** A registered model or `unknown`: what clients send is no label. */
  model: string;
  isStream: boolean;
  trace: DispatchTrace;
  outcome?: Outcome;
  finishReason?: string;
  firstByteAt?: number;
}

/** Everything that belongs to one HTTP request, from its arrival to its log line. */
export interface RequestContext {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  /** `performance.now()` at the arrival. */
  readonly arrivedAt: number;
  readonly principal: Principal;
  /** Aborted when the client has left, or with an ApiError as reason when the server ends the request. */
  readonly abort: AbortController;
  /** The template of the route that matched. */
  path?: string;
  /** Scrapes and the calls of workers are not requests of clients: they are neither counted nor logged. */
  isInternal?: boolean;
  inference?: InferenceContext;
  /** Why it failed, for the log only. */
  error?: string;
}

/** The context that `middleware/trackRequests.ts` put on this answer. */
export function contextOf(res: Response): RequestContext {
  return (res.locals as { context: RequestContext }).context;
}

export function createTrace(): DispatchTrace {
  return { attempts: 0, promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
}
