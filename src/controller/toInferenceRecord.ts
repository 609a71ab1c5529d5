import type { AnswerTimes, InferenceRecord } from '../observability/events/inferenceRecord.js';
import type { Outcome } from '../observability/metrics/labels.js';
import type { DispatchTrace } from './dispatchTarget.js';
import { settleInference, type InferenceContext } from './requestContext.js';
import { toStageTimes } from './stageTimes.js';

export interface InferenceEnd {
  readonly keyId: string;
  readonly arrivedAt: number;
  readonly authenticatedAt?: number | undefined;
  readonly now: number;
  /** Of a request of which none was said before. */
  readonly outcome: Outcome;
}

/** An inference request that has ended, for the log line and the metrics. */
export function toInferenceRecord(
  inference: InferenceContext,
  { keyId, arrivedAt, authenticatedAt, now, outcome }: InferenceEnd,
): InferenceRecord {
  const { model, isStream, firstByteAt, traces } = inference;
  const summary = settleInference(inference, outcome);
  // Choices run beside each other: the parts of one are not those of the request.
  const only = traces.length === 1 ? traces[0] : undefined;
  const upstreamMs = (only?.queueMs ?? 0) + (only?.upstreamMs ?? 0);
  return {
    isCounted: inference.account !== undefined,
    model,
    keyId,
    isStream,
    outcome: summary.outcome,
    nodeId: summary.nodeId,
    attempts: summary.attempts,
    promptTokens: summary.promptTokens,
    cachedTokens: summary.cachedTokens,
    completionTokens: summary.completionTokens,
    maxTokens: inference.maxTokens,
    queueMs: summary.queueMs,
    firstTokenMs: summary.firstTokenAt === undefined ? undefined : summary.firstTokenAt - arrivedAt,
    streamMs: isStream && firstByteAt !== undefined ? now - firstByteAt : undefined,
    answers: traces.flatMap(toAnswerTimes),
    finishReasons: inference.finishReasons,
    stages: only && toStageTimes({ ...readTimes(only), arrivedAt, authenticatedAt, endedAt: now }),
    overheadMs: only && Math.max(0, now - arrivedAt - upstreamMs),
    pauses: inference.pauses,
    choices: traces,
    choicesPerPrompt: inference.choicesPerPrompt,
  };
}

/** What has one answer instead of tokens is read all the time. */
function readTimes(trace: DispatchTrace) {
  return { ...trace, firstTokenAt: trace.firstTokenAt ?? trace.lastTokenAt };
}

function toAnswerTimes(trace: DispatchTrace): AnswerTimes[] {
  const { nodeId, acceptedAt, firstTokenAt, lastTokenAt = firstTokenAt, completionTokens } = trace;
  if (firstTokenAt === undefined || lastTokenAt === undefined) return [];
  return [
    {
      nodeId,
      prefillMs: acceptedAt === undefined ? undefined : firstTokenAt - acceptedAt,
      decodeMs: lastTokenAt - firstTokenAt,
      tokens: completionTokens,
    },
  ];
}
