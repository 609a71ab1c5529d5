import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';
import { ApiError } from '../protocol/apiError.js';
import type { DispatchOptions, DispatchTarget } from './dispatchTarget.js';
import { maxAttempts } from './recovery/attemptLimits.js';
import { errorClassOf } from './recovery/errorClassOf.js';
import { abortError, judgeFailure } from './recovery/judgeFailure.js';
import { UpstreamError } from './upstream/upstreamError.js';

/** Work that is done at once and needs no slot: on any ready worker, and on another one where that fails. */
export type AskReadyWorker = <T>(
  target: Pick<DispatchTarget, 'requestId' | 'model'>,
  options: DispatchOptions,
  run: (url: string, signal: AbortSignal) => Promise<T>,
) => Promise<T>;

export interface AskReadyWorkerDeps {
  readonly pool: Pick<WorkerPool, 'readyNode' | 'disconnected'>;
  readonly events: Pick<ControllerEvents, 'attemptFailed'>;
}

/** A worker that is started again needs about so long until it is ready. */
const retryAfterSeconds = 5;

/** What the returned function throws is an ApiError. */
export function createAskReadyWorker({ pool, events }: AskReadyWorkerDeps): AskReadyWorker {
  return async function askReadyWorker({ requestId, model }, { signal, trace, ...params }, run) {
    const asked = new Set<string>();
    for (;;) {
      const node = pool.readyNode(model, asked);
      if (!node) throw noWorkerReady(model);
      asked.add(node.nodeId);
      trace.nodeId = node.nodeId;
      trace.attempts++;
      try {
        return await run(node.url, signal);
      } catch (error) {
        if (signal.aborted) throw abortError(signal);
        if (!(error instanceof UpstreamError)) throw error;
        const verdict = judgeFailure(error, params);
        if (verdict.kind === 'final') throw verdict.error;
        if (verdict.kind === 'busy') {
          trace.attempts--;
          continue;
        }
        const { message: reason, kind } = error;
        if (kind === 'lost' || kind === 'unreachable')
          pool.disconnected(node.nodeId, node.instanceId, reason);
        const isLast = trace.attempts === maxAttempts || !pool.readyNode(model, asked);
        const willRetry = verdict.isRetryable && !isLast;
        events.attemptFailed({
          ...{ requestId, nodeId: node.nodeId, attempt: trace.attempts, reason, willRetry },
          errorClass: errorClassOf(verdict.reason, error),
        });
        if (!willRetry) throw new ApiError('worker_failed', { cause: error });
      }
    }
  };
}

function noWorkerReady(model: string): ApiError {
  const message = `No worker with the model \`${model}\` is ready. Please try again later.`;
  return new ApiError('server_is_overloaded', { message, retryAfterSeconds });
}
