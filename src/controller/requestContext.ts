import type { Response } from 'express';
import type { Outcome } from '../observability/metrics.js';
import type { ApiError } from '../protocol/apiError.js';
import type { Principal } from '../protocol/generateRequest.js';
import type { DispatchTrace } from './dispatchTarget.js';

/** An inference request, as far as it is known; the rest is in the traces. */
export interface InferenceContext {
  /** False for what runs no model, as tokenization: it is logged alike, and is none of the inference metrics. */
  readonly isCounted: boolean;
  /** A registered model or `unknown`: what clients send is no label. */
  model: string;
  isStream: boolean;
  /** One for each choice; `choicesPerPrompt` of them in a row have the same prompt. */
  traces: readonly DispatchTrace[];
  choicesPerPrompt: number;
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
  /** When the client's patience ends, by `performance.now()`; undefined: it did not say. */
  deadlineAt?: number;
  /** The template of the route that matched. */
  path?: string;
  /** Scrapes and the calls of workers are not requests of clients: they are neither counted nor logged. */
  isInternal?: boolean;
  inference?: InferenceContext;
  /** How the API that was asked writes errors; without it OpenAI's way. */
  toErrorBody?: (error: ApiError, requestId: string) => object;
  /** How the stream that has begun ends with an error. */
  toErrorFrames?: (error: ApiError) => string;
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

/** Of an inference request of which nothing is known yet. */
export function createInference(model: string, isCounted = true): InferenceContext {
  return { isCounted, model, isStream: false, traces: [], choicesPerPrompt: 1 };
}

/** What the log line and the metrics say of all choices together. */
export function summarizeTraces({ traces, choicesPerPrompt }: InferenceContext): DispatchTrace {
  const summary = createTrace();
  for (const [choice, trace] of traces.entries()) {
    summary.attempts = Math.max(summary.attempts, trace.attempts);
    summary.completionTokens += trace.completionTokens;
    if (choice % choicesPerPrompt === 0) {
      summary.promptTokens += trace.promptTokens;
      summary.cachedTokens += trace.cachedTokens;
    }
    Object.assign(
      summary,
      defined({
        nodeId: trace.nodeId,
        fingerprint: summary.fingerprint ?? trace.fingerprint,
        queueMs: smaller(summary.queueMs, trace.queueMs),
        firstTokenAt: smaller(summary.firstTokenAt, trace.firstTokenAt),
      }),
    );
  }
  return summary;
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
