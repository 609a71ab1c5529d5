import type { ChoiceRecord, InferenceRecord } from '../events/inferenceRecord.js';
import type { AttemptRecord } from '../events/recoveryEvents.js';

/** An inference request that has ended. Nothing in it is from a prompt or an answer. */
export interface TracedRequest {
  readonly requestId: string;
  /** Of a line of a batch, which did not come over HTTP. */
  readonly batchId?: string;
  readonly method?: string;
  /** The route's template. */
  readonly path: string;
  /** 499: the client left before it was told one. */
  readonly status: number;
  /** By `performance.now()`, as all times here. */
  readonly endedAt: number;
  readonly durationMs: number;
  readonly inference: InferenceRecord;
}

type AttributeValue = string | number | boolean | string[];

/** What a span will say; its children lie within it. */
export interface SpanPlan {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  readonly startedAt: number;
  readonly endedAt: number;
  /** What is undefined is left out. */
  readonly attributes: Readonly<Record<string, AttributeValue | undefined>>;
  readonly isError: boolean;
  readonly children: readonly SpanPlan[];
}

/** As OpenTelemetry names what is asked of a model; what it has no name for is called by its path. */
const operationNames: Readonly<Record<string, string>> = {
  '/chat/completions': 'chat',
  '/completions': 'text_completion',
  '/responses': 'chat',
  '/messages': 'chat',
  '/embeddings': 'embeddings',
};

function operationOf(path: string): string {
  const plain = path.replace(/^\/v\d+/, '');
  return operationNames[plain] ?? plain.slice(1);
}

/**
 * The spans of a request, by OpenTelemetry's conventions for generative AI: its waits for a slot, the choices of a
 * worker, and one span for each try, with prefill and decode in it.
 */
export function planRequestSpan(request: TracedRequest): SpanPlan {
  const { inference, endedAt, durationMs } = request;
  const { model, outcome, choices } = inference;
  const operation = operationOf(request.path);
  return {
    name: `${operation} ${model}`,
    kind: request.batchId === undefined ? 'server' : 'internal',
    startedAt: endedAt - durationMs,
    endedAt,
    isError: outcome === 'error',
    attributes: {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': 'ai-cluster',
      'gen_ai.request.model': model,
      'gen_ai.request.max_tokens': inference.maxTokens,
      'gen_ai.request.choice.count': inference.choicesPerPrompt > 1 ? inference.choicesPerPrompt : undefined,
      'gen_ai.request.stream': inference.isStream,
      ...(outcome === 'rejected' ? {} : describeAnswer(inference)),
      ...(request.batchId === undefined ? describeCall(request) : {}),
      'error.type': errorTypeOf(request),
      'ai_cluster.request_id': request.requestId,
      'ai_cluster.batch_id': request.batchId,
      'ai_cluster.key_id': inference.keyId,
      'ai_cluster.outcome': outcome,
      'ai_cluster.attempts': inference.attempts,
    },
    children: choices.flatMap((choice, index) => planChoice(choice, index, endedAt)),
  };
}

function describeAnswer(inference: InferenceRecord): SpanPlan['attributes'] {
  const { isStream, firstTokenMs, finishReasons } = inference;
  return {
    'gen_ai.response.model': inference.model,
    'gen_ai.response.finish_reasons': finishReasons.length === 0 ? undefined : [...finishReasons],
    'gen_ai.response.time_to_first_chunk':
      isStream && firstTokenMs !== undefined ? firstTokenMs / 1000 : undefined,
    'gen_ai.usage.input_tokens': inference.promptTokens,
    'gen_ai.usage.cache_read.input_tokens': inference.cachedTokens,
    'gen_ai.usage.output_tokens': inference.completionTokens,
  };
}

function describeCall({ method, path, status }: TracedRequest): SpanPlan['attributes'] {
  return {
    'http.request.method': method,
    'http.route': path,
    'http.response.status_code': status === 499 ? undefined : status,
  };
}

/** The status, or that a stream ended with an error behind a status of success. */
function errorTypeOf({ status, inference }: TracedRequest): string | undefined {
  if (inference.outcome !== 'error') return undefined;
  return status >= 400 ? String(status) : 'broken_off';
}

/** One behind the other: a wait, and the try that it led to. */
function planChoice({ tries, waitingSince }: ChoiceRecord, choice: number, endedAt: number): SpanPlan[] {
  const spans = tries.flatMap((attempt) => planAttempt(attempt, choice, endedAt));
  if (waitingSince !== undefined) spans.push(internal('queue', waitingSince, endedAt, choiceOf(choice)));
  return spans;
}

function planAttempt(attempt: AttemptRecord, choice: number, requestEndedAt: number): SpanPlan[] {
  const { nodeId, kind, outcome, decision, queuedAt, startedAt, acceptedAt, firstTokenAt } = attempt;
  const { endedAt = requestEndedAt } = attempt;
  const node = { ...choiceOf(choice), 'ai_cluster.node_id': nodeId };
  const { decidedAt = startedAt, tookMs = 0 } = decision.timing ?? {};
  const steps: SpanPlan[] = [];
  if (acceptedAt !== undefined) {
    steps.push(
      internal('prefill', acceptedAt, firstTokenAt ?? endedAt, {
        'ai_cluster.read_tokens': attempt.tokensToRead,
      }),
    );
  }
  if (firstTokenAt !== undefined) {
    steps.push(
      internal('decode', firstTokenAt, endedAt, { 'ai_cluster.generated_tokens': attempt.tokensGenerated }),
    );
  }
  return [
    internal('queue', queuedAt, decidedAt, choiceOf(choice)),
    internal('route', decidedAt, decidedAt + tookMs, {
      ...node,
      'ai_cluster.policy': decision.policy,
      'ai_cluster.reason': decision.reason,
    }),
    {
      name: kind === 'first' ? 'attempt' : kind,
      kind: 'client',
      startedAt,
      endedAt,
      isError: outcome === 'error' || outcome === 'timeout',
      attributes: {
        ...node,
        'ai_cluster.outcome': outcome,
        'error.type': outcome === 'success' || outcome === 'cancelled' ? undefined : outcome,
      },
      children: steps,
    },
  ];
}

const choiceOf = (choice: number) => ({ 'ai_cluster.choice': choice });

function internal(
  name: string,
  startedAt: number,
  endedAt: number,
  attributes: SpanPlan['attributes'],
): SpanPlan {
  return { name, kind: 'internal', startedAt, endedAt, attributes, isError: false, children: [] };
}
