import type { AdmissionQueue, AdmissionRequest } from '../../cluster/queue/admission.js';
import type { SlotLease } from '../../cluster/slotLease.js';
import type { ControllerEvents } from '../../observability/events.js';
import { BucketTally } from '../../observability/metrics/bucketTally.js';
import { buckets } from '../../observability/metrics/metricSpec.js';
import type { AttemptKind, AttemptOutcome } from '../../observability/metrics/labels.js';
import { ApiError } from '../../protocol/apiError.js';
import { createAdmit } from '../admit.js';
import type { AttemptTrace, DispatchOptions, DispatchTarget, DispatchTrace } from '../dispatchTarget.js';
import { UpstreamError } from '../upstream/upstreamError.js';
import { abortError } from './judgeFailure.js';
import { linkSignals } from './linkSignals.js';
import { RequestRecovery, type RecoveryDeps } from './requestRecovery.js';

export interface RunAttemptsDeps extends Omit<RecoveryDeps, 'retryAfterSeconds'> {
  readonly queue: AdmissionQueue;
  readonly events: RecoveryDeps['events'] &
    Pick<ControllerEvents, 'attemptEnded' | 'queueRejected' | 'requestPaused' | 'tokensStreamed'>;
}

/** One try of a request on one worker, as the work sees it, which tells what it learns. */
export interface Attempt {
  readonly lease: SlotLease;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  /** The worker has sent something. */
  heard(): void;
  /** The worker has taken it, and has so many tokens to read. */
  accepted(tokensToRead: number): void;
  /** The worker has brought so many new tokens, which are not needed again. */
  progressed(tokens: number): void;
}

/** How an attempt ended that is not over for good: `moved` for its worker was gone before, `paused` to make room. */
type Ending = 'done' | 'moved' | 'paused' | UpstreamError;

/** For the spans: a request may be refused for minutes. The first and the last ones say what happened. */
const maxTriesKept = 32;
/** Of a long answer the metrics hear on the way. */
const gapsToldAtOnce = 64;

/** The tokens of one event share the time since the one before; the first token of an answer has none. */
function noteTokens(trace: DispatchTrace, tokens: number, now: number, gaps: BucketTally): void {
  if (trace.lastTokenAt !== undefined) gaps.add((now - trace.lastTokenAt) / 1000 / tokens, tokens);
  else if (tokens > 1) gaps.add(0, tokens - 1);
  trace.firstTokenAt ??= now;
  trace.lastTokenAt = now;
}

/**
 * Gives `work` a slot, and another one where the worker fails, until it has come to its end; what it yields before it
 * fails stays.
 */
export function createRunAttempts(deps: RunAttemptsDeps) {
  const { queue, events, now, budget } = deps;
  const admit = createAdmit({ queue, events });
  const recoveryDeps = { ...deps, retryAfterSeconds: queue.retryAfterSeconds };

  return async function* runAttempts<T>(
    target: DispatchTarget,
    options: DispatchOptions,
    work: (attempt: Attempt) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const { trace } = options;
    const recovery = new RequestRecovery(recoveryDeps, target, options);
    if (recovery.suspicions.isQuarantined()) throw new ApiError('request_crashes_workers');
    const startedAtMs = now();
    budget.noteRequest(startedAtMs);
    const { model, principal, work: wantedWork, canPause } = target;
    const { signal, deadlineAt } = options;
    const wanted: AdmissionRequest = {
      ...{ model, principal, work: wantedWork, canPause, signal, deadlineAt },
      onWaiting: (place) => (trace.queuePlace = place),
    };
    let pauses = 0;
    trace.queuedAt ??= startedAtMs;
    trace.waitingSince = startedAtMs;
    let lease = await admit(wanted);
    trace.leasedAt ??= now();
    trace.queueMs ??= trace.leasedAt - trace.queuedAt;
    let kind: AttemptKind = 'first';

    try {
      for (;;) {
        const ending = yield* tryOnce(model, recovery, lease, options, work, kind);
        if (ending === 'done') return;
        trace.waitingSince = now();
        if (ending instanceof UpstreamError) await recovery.recoverFrom(ending, lease);
        if (recovery.limits.hasProgressed) kind = 'resume';
        else if (kind === 'first') kind = 'retry';
        const { failedOn } = recovery;
        if (ending === 'paused') {
          events.requestPaused({
            requestId: target.requestId,
            model,
            nodeId: lease.nodeId,
            pauses: ++pauses,
          });
        }
        const history = ending === 'paused' ? undefined : { failedOn, busyNodeId: lease.nodeId };
        // Asked for before the old slot is given back, so that no later request takes the turn of this one.
        const next = admit({ ...wanted, pauses, history, waitsUntil: recovery.limits.waitsUntilMs });
        lease.return();
        lease = await next;
      }
    } finally {
      lease.return();
    }
  };

  async function* tryOnce<T>(
    model: string,
    recovery: RequestRecovery,
    lease: SlotLease,
    { signal, trace }: DispatchOptions,
    work: (attempt: Attempt) => AsyncGenerator<T, void, undefined>,
    kind: AttemptKind,
  ): AsyncGenerator<T, Ending, undefined> {
    const { limits, suspicions } = recovery;
    const link = linkSignals([signal, lease.yieldSignal]);
    const record = beginRecord(lease, kind, trace, now());
    const gaps = new BucketTally(buckets.betweenTokens);
    const tellGaps = () => {
      events.tokensStreamed({ model, nodeId: lease.nodeId, gaps });
      gaps.clear();
    };
    trace.nodeId = lease.nodeId;
    trace.fingerprint = lease.fingerprint;
    trace.attempts++;
    limits.began();
    const withdraw = () => {
      trace.attempts--;
      limits.withdrawn();
    };
    try {
      if (!(await suspicions.enter(lease, link.signal))) {
        withdraw();
        return 'moved';
      }
      yield* work({
        lease,
        signal: link.signal,
        heard: () => {
          record.firstByteAt ??= now();
          record.chunks++;
        },
        accepted: (tokensToRead) => {
          record.acceptedAt = now();
          record.tokensToRead = tokensToRead;
          limits.accepted();
        },
        progressed: (tokens) => {
          const at = now();
          record.firstTokenAt ??= at;
          record.tokensGenerated += tokens;
          recovery.progressed();
          noteTokens(trace, tokens, at, gaps);
          if (gaps.count >= gapsToldAtOnce) tellGaps();
        },
      });
      record.outcome = 'success';
      lease.report('succeeded');
      return 'done';
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (link.signal.aborted) {
        withdraw();
        return 'paused';
      }
      if (!(error instanceof UpstreamError)) throw error;
      record.outcome = outcomeOf(error);
      if (error.kind === 'lost' && !limits.hasProgressed) suspicions.lost(lease, record.startedAt);
      return error;
    } finally {
      link.unlink();
      suspicions.leave();
      tellGaps();
      const endedAt = now();
      record.endedAt = endedAt;
      trace.upstreamMs = endedAt - (trace.leasedAt ?? record.startedAt);
      events.attemptEnded({ ...record, endedAt });
    }
  }
}

/** The wait of the request is over, and its record of this try, to be filled, is among its tries. */
function beginRecord(lease: SlotLease, kind: AttemptKind, trace: DispatchTrace, now: number): AttemptTrace {
  const { policy, reason, timing } = lease.decision;
  const record: AttemptTrace = {
    nodeId: lease.nodeId,
    decision: { policy, reason, ...(timing && { timing }) },
    kind,
    outcome: 'cancelled',
    queuedAt: trace.waitingSince ?? now,
    startedAt: now,
    tokensToRead: 0,
    tokensGenerated: 0,
    chunks: 0,
  };
  trace.waitingSince = undefined;
  trace.tries.push(record);
  if (trace.tries.length > maxTriesKept) trace.tries.splice(maxTriesKept / 2, 1);
  return record;
}

function outcomeOf({ kind, failure }: UpstreamError): AttemptOutcome {
  if (kind === 'silent') return 'timeout';
  const isRefusal = kind === 'refused' && failure?.code !== 'engine_failed';
  const wasNeverThere = kind === 'unreachable' || kind === 'shortage';
  return wasNeverThere || isRefusal || failure?.code === 'draining' ? 'refused' : 'error';
}
