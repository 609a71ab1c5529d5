import type { Response } from 'express';
import type { Outcome } from '../observability/metrics/labels.js';
import type { ApiError } from '../protocol/apiError.js';
import type { ApiKey } from '../protocol/apiKeys.js';
import type { Principal } from '../protocol/generateRequest.js';
import type { DispatchTrace } from './dispatchTarget.js';
import type { Account } from './limits/accounts.js';

/** What runs a model is counted; what is only like that, as tokenization, is logged alike. */
export type InferenceKind = 'counted' | 'logged';

/** An inference request, as far as it is known; the rest is in the traces. */
export interface InferenceContext {
  /** Of what is counted. */
  readonly account: Account | undefined;
  /** A registered model or `unknown`: what clients send is no label. */
  model: string;
  isStream: boolean;
  /** One for each choice; `choicesPerPrompt` of them in a row have the same prompt. */
  traces: readonly DispatchTrace[];
  choicesPerPrompt: number;
  /** What came of it: see {@link settleInference}. */
  settled?: SettledInference;
  /** Of the choices that came to their end. */
  readonly finishReasons: string[];
  /** What the client allows an answer to be, where it says so. */
  maxTokens?: number | undefined;
  /** How often the stream stopped until its client had read. */
  pauses: number;
  firstByteAt?: number;
}

/** What came of an inference request, and what all its choices together say of it. */
export interface SettledInference extends DispatchTrace {
  readonly outcome: Outcome;
}

/** Everything that belongs to one HTTP request, from its arrival to its log line. */
export interface RequestContext {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  /** `performance.now()` at the arrival. */
  readonly arrivedAt: number;
  /** Whoever asks; `anonymous` as long as no key has said another. */
  principal: Principal;
  /** When it was known who that is, by `performance.now()`. */
  authenticatedAt?: number;
  /** The key that was shown, where there are keys. */
  key?: ApiKey;
  /** Aborted when the client has left, or with an ApiError as reason when the server ends the request. */
  readonly abort: AbortController;
  /** When the client's patience ends, by `performance.now()`; undefined: it did not say. */
  deadlineAt?: number;
  /** The template of the route that matched. */
  path?: string;
  /** Scrapes and the calls of workers are not requests of clients: they are neither counted nor logged. */
  isInternal?: boolean;
  /** Of a route to which requests of inference come. */
  inferenceKind?: InferenceKind;
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

/** Whose the things are that this request makes, and whose it may see. */
export function ownerOf(res: Response): string {
  return contextOf(res).principal.keyId;
}

export function createTrace(): DispatchTrace {
  return { attempts: 0, tries: [], promptTokens: 0, cachedTokens: 0, completionTokens: 0, upstreamMs: 0 };
}

/** Of an inference request of which nothing is known yet; one without an account is not counted. */
export function createInference(model: string, account?: Account): InferenceContext {
  return { account, model, isStream: false, traces: [], choicesPerPrompt: 1, finishReasons: [], pauses: 0 };
}

/**
 * Says what came of a request: usage, log line and metrics have the numbers of this moment, and later calls change
 * nothing. Called before the client sees the end of the answer, so that what it has seen is stored.
 */
export function settleInference(inference: InferenceContext, outcome: Outcome): SettledInference {
  if (!inference.settled) {
    inference.settled = { ...summarizeTraces(inference), outcome };
    const { promptTokens, cachedTokens, completionTokens } = inference.settled;
    const isError = outcome === 'error';
    inference.account?.settle({
      model: inference.model,
      isError,
      promptTokens,
      cachedTokens,
      completionTokens,
    });
  }
  return inference.settled;
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
