import type { DisconnectPhase, Outcome, Stage } from '../metrics/labels.js';
import type { LabelsOf } from '../metrics/metricFamily.js';
import type { EventDeps } from './eventDeps.js';
import type { AttemptRecord } from './recoveryEvents.js';

/** What became of an inference request, for its log line and the metrics. */
export interface InferenceRecord {
  /** False: for the log line only. */
  readonly isCounted: boolean;
  /** A registered model or `unknown`. */
  readonly model: string;
  readonly keyId: string;
  readonly outcome: Outcome;
  readonly isStream: boolean;
  /** The node that ended it; undefined where it reached none. */
  readonly nodeId: string | undefined;
  readonly attempts: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** What the client allows, where it says it. */
  readonly maxTokens: number | undefined;
  readonly queueMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  /** From the first byte of a stream to its end. */
  readonly streamMs: number | undefined;
  /** One for each choice that has a token. */
  readonly answers: readonly AnswerTimes[];
  /** Of each choice that came to its end. */
  readonly finishReasons: readonly string[];
  /** Where the time went, of a request with one choice. */
  readonly stages: ReadonlyMap<Stage, number> | undefined;
  /** What the controller itself took of it. */
  readonly overheadMs: number | undefined;
  /** How often it stopped until its client had read. */
  readonly pauses: number;
  readonly choices: readonly ChoiceRecord[];
  /** What the client calls `n`; several prompts have so many each. */
  readonly choicesPerPrompt: number;
}

/** The way of one choice, for its spans. */
export interface ChoiceRecord {
  readonly tries: readonly AttemptRecord[];
  /** It still waited for a slot when it ended: since when, by `performance.now()`. */
  readonly waitingSince?: number | undefined;
}

export interface AnswerTimes {
  readonly nodeId: string | undefined;
  /** From the worker's acceptance to the first token. */
  readonly prefillMs: number | undefined;
  /** From the first to the last token. */
  readonly decodeMs: number;
  readonly tokens: number;
}

export function countInference(
  { metrics, names }: Pick<EventDeps, 'metrics' | 'names'>,
  record: InferenceRecord,
  durationMs: number,
): void {
  const { outcome: status } = record;
  const model = names.modelLabel(record.model);
  const node_id = names.nodeLabel(record.nodeId);
  metrics.inferenceRequests.inc({ model, status });
  metrics.apiKeyRequests.inc({ key_id: names.keyLabel(record.keyId), status });
  if (status !== 'rejected') metrics.inferenceDuration.observe({ model, node_id }, durationMs / 1000);
  if (status === 'cancelled') metrics.clientDisconnects.inc({ phase: phaseOf(record) });
  if (record.queueMs !== undefined) metrics.queueWait.observe({ model }, record.queueMs / 1000);
  if (record.firstTokenMs !== undefined)
    metrics.timeToFirstToken.observe({ model, node_id }, record.firstTokenMs / 1000);
  if (record.isStream) {
    metrics.streamingRequests.inc({ model, status });
    if (record.streamMs !== undefined) metrics.streamingDuration.observe({ model }, record.streamMs / 1000);
    metrics.slowClientPauses.inc({}, record.pauses);
  }
  countTokens(metrics, record, { model, node_id });
  countAnswers({ metrics, names }, record, model);
  if (status !== 'success') return;
  for (const [stage, ms] of record.stages ?? []) metrics.stageDuration.observe({ stage }, ms / 1000);
  if (record.overheadMs !== undefined) metrics.routerOverhead.observe({}, record.overheadMs / 1000);
}

function countTokens(
  metrics: EventDeps['metrics'],
  { promptTokens, cachedTokens, completionTokens, maxTokens }: InferenceRecord,
  ofNode: LabelsOf<'model' | 'node_id'>,
): void {
  const { model } = ofNode;
  metrics.prefixCacheQueriedTokens.inc(ofNode, promptTokens);
  metrics.promptCachedTokens.inc(ofNode, cachedTokens);
  metrics.tokensGenerated.inc({ model, type: 'prompt' }, promptTokens);
  metrics.tokensGenerated.inc({ model, type: 'completion' }, completionTokens);
  if (promptTokens > 0) metrics.requestPromptTokens.observe({ model }, promptTokens);
  if (completionTokens > 0) metrics.requestCompletionTokens.observe({ model }, completionTokens);
  if (maxTokens !== undefined) metrics.requestMaxTokens.observe({ model }, maxTokens);
}

function countAnswers(
  { metrics, names }: Pick<EventDeps, 'metrics' | 'names'>,
  { outcome, answers, finishReasons }: InferenceRecord,
  model: string,
): void {
  for (const { nodeId, prefillMs, decodeMs, tokens } of answers) {
    const labels = { model, node_id: names.nodeLabel(nodeId) };
    if (prefillMs !== undefined) metrics.prefillDuration.observe(labels, prefillMs / 1000);
    metrics.decodeDuration.observe(labels, decodeMs / 1000);
    if (tokens > 1) metrics.timePerOutputToken.observe({ model }, decodeMs / (tokens - 1) / 1000);
  }
  for (const reason of finishReasons) metrics.requestFinished.inc({ model, reason });
  const unfinished = answers.length - finishReasons.length;
  if (unfinished <= 0 || (outcome !== 'cancelled' && outcome !== 'error')) return;
  metrics.requestFinished.inc({ model, reason: outcome }, unfinished);
}

function phaseOf({ queueMs, firstTokenMs }: InferenceRecord): DisconnectPhase {
  if (firstTokenMs !== undefined) return 'decode';
  return queueMs === undefined ? 'queue' : 'prefill';
}

const round = (value: number | undefined) => (value === undefined ? undefined : Math.round(value * 10) / 10);

export function toLogFields(record: InferenceRecord) {
  return {
    keyId: record.keyId,
    model: record.model,
    nodeId: record.nodeId,
    outcome: record.outcome,
    stream: record.isStream,
    attempts: record.attempts,
    promptTokens: record.promptTokens,
    cachedTokens: record.cachedTokens,
    completionTokens: record.completionTokens,
    queueMs: round(record.queueMs),
    firstTokenMs: round(record.firstTokenMs),
    finishReason: record.finishReasons.at(-1),
  };
}
