import type { ControllerEvents } from '../../observability/events.js';
import { unknownModel, type Outcome } from '../../observability/metrics/labels.js';
import { ApiError, toApiError } from '../../protocol/apiError.js';
import type { Principal } from '../../protocol/generateRequest.js';
import type { ModelKind } from '../../protocol/workerApi.js';
import type { Asker, GenerationEndpoint } from '../endpoints/endpoint.js';
import type { KeyRing, Standing } from '../keys/keyRing.js';
import { toPrincipal } from '../keys/toPrincipal.js';
import type { OpenAccount } from '../limits/accounts.js';
import { beginGeneration, type GenerationDeps } from '../endpoints/runGeneration.js';
import { describeForLog, outcomeOf } from '../middleware/handleErrors.js';
import { toInferenceRecord } from '../toInferenceRecord.js';
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

function isTemporary({ status, errorName }: ApiError): boolean {
  // A line that waited for the next day would keep others from running.
  if (errorName === 'budget_used_up') return false;
  // The model was there when the file was checked: after a restart its workers may still have to join.
  return busyStatuses.has(status) || errorName === 'model_not_found';
}

export function createLineExecutor({
  endpoints,
  keys,
  openAccount,
  events,
}: {
  /** By their paths, `/v1/…`. */
  endpoints: Readonly<Record<string, BatchEndpoint>>;
  keys: Pick<KeyRing, 'find'>;
  openAccount: OpenAccount;
  events: Pick<ControllerEvents, 'batchLineFinished'>;
}): ExecuteLine {
  return async (url, body, { batchId, requestId, principal, signal }) => {
    const { keyId } = principal;
    const standing = keys.find(keyId);
    const account = openAccount({ keyId, key: standing?.key, isBatchLine: true });
    const inference = createInference(unknownModel, account);
    const startedAt = performance.now();
    const report = (status: number, outcome: Outcome, error?: string) => {
      const now = performance.now();
      events.batchLineFinished({
        requestId,
        batchId,
        path: url,
        status,
        endedAt: now,
        durationMs: now - startedAt,
        inference: toInferenceRecord(inference, { keyId, arrivedAt: startedAt, now, outcome }),
        error,
      });
    };

    try {
      const endpoint = endpoints[url];
      if (!endpoint) throw new Error('a line names an endpoint that its batch was not allowed');
      const asker = { requestId, ...toAsker(principal, standing) };
      const answer = await endpoint.run(body, { asker, inference, signal });
      report(200, 'success');
      return { statusCode: 200, body: answer, isBusy: false };
    } catch (thrown) {
      const error = toApiError(thrown);
      const isBusy = isTemporary(error);
      // One that waits is the same request when its turn comes, and counted then.
      if (isBusy) account.release();
      else report(error.status, outcomeOf(error, inference), describeForLog(error));
      return { statusCode: error.status, body: error.toBody(), isBusy };
    }
  };
}

/**
 * Who asks, by what the key is now: a batch may run long after it was made.
 *
 * @throws ApiError where the key does not work any more.
 */
function toAsker(principal: Principal, standing: Standing | undefined): Omit<Asker, 'requestId'> {
  if (!standing) return { principal };
  if (standing.result !== 'ok') throw new ApiError('invalid_api_key');
  const { key } = standing;
  return { principal: { ...toPrincipal(key), priority: principal.priority }, key };
}
