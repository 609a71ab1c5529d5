import type { ControllerEvents } from '../../observability/events.js';
import { unknownModel } from '../../observability/metrics.js';
import { toApiError } from '../../protocol/apiError.js';
import type { Principal } from '../../protocol/generateRequest.js';
import type { ModelKind } from '../../protocol/workerApi.js';
import type { Asker, GenerationEndpoint } from '../endpoints/endpoint.js';
import { beginGeneration, type GenerationDeps } from '../endpoints/runGeneration.js';
import { describeForLog, outcomeOf } from '../middleware/handleErrors.js';
import { toInferenceRecord } from '../middleware/trackRequests.js';
import { createInference, type InferenceContext } from '../requestContext.js';
import { foldAnswer } from '../respond.js';

/** An endpoint that batches can ask, apart from HTTP. */
export interface BatchEndpoint {
  /** The kind of model that it needs. */
  readonly kind: ModelKind;
  /**
   * Runs one body to its answer; what becomes known on the way is noted in `inference`.
   *
   * @throws ApiError
   */
  run(
    body: unknown,
    options: { asker: Asker; inference: InferenceContext; signal: AbortSignal },
  ): Promise<object>;
}

export function toBatchEndpoint<Body extends { model: string }>(
  deps: GenerationDeps,
  endpoint: GenerationEndpoint<Body>,
): BatchEndpoint {
  return {
    kind: 'generation',
    run: async (body, options) => foldAnswer(await beginGeneration(deps, endpoint, body, options)),
  };
}

export interface LineAnswer {
  readonly statusCode: number;
  readonly body: object;
  /** Nothing is wrong with the line: it is to be run again later. */
  readonly isBusy: boolean;
}

/** Runs one line as if it had come by itself. Never throws; a line that is aborted has an answer as well. */
export type ExecuteLine = (
  url: string,
  body: unknown,
  options: { batchId: string; requestId: string; principal: Principal; signal: AbortSignal },
) => Promise<LineAnswer>;

/** A full queue or a full share of it, a wait that was too long, a cluster that stops. */
const busyStatuses: ReadonlySet<number> = new Set([429, 503, 504]);

export function createLineExecutor({
  endpoints,
  events,
}: {
  /** By their paths, `/v1/…`. */
  endpoints: Readonly<Record<string, BatchEndpoint>>;
  events: Pick<ControllerEvents, 'batchLineFinished'>;
}): ExecuteLine {
  return async (url, body, { batchId, requestId, principal, signal }) => {
    const inference = createInference(unknownModel);
    const startedAt = performance.now();
    const report = (status: number, error?: string) => {
      const now = performance.now();
      events.batchLineFinished({
        requestId,
        batchId,
        path: url,
        status,
        durationMs: now - startedAt,
        inference: toInferenceRecord(inference, principal.keyId, startedAt, now, true),
        error,
      });
    };

    try {
      const endpoint = endpoints[url];
      if (!endpoint) throw new Error('a line names an endpoint that its batch was not allowed');
      const answer = await endpoint.run(body, { asker: { requestId, principal }, inference, signal });
      report(200);
      return { statusCode: 200, body: answer, isBusy: false };
    } catch (thrown) {
      const error = toApiError(thrown);
      // The model was there when the file was checked: after a restart its workers may still have to join.
      const isBusy = busyStatuses.has(error.status) || error.errorName === 'model_not_found';
      inference.outcome = outcomeOf(error, inference);
      // One that waits is the same request when its turn comes, and counted then.
      if (!isBusy) report(error.status, describeForLog(error));
      return { statusCode: error.status, body: error.toBody(), isBusy };
    }
  };
}
