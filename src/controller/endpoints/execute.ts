import type { WorkerClient } from '../upstream/workerClient.js';
import { createTrace, type InferenceContext } from '../requestContext.js';
import type { AskReadyWorker } from '../askReadyWorker.js';
import type { Dispatcher } from '../dispatch.js';
import type { DispatchTrace } from '../dispatchTarget.js';
import type { ModelRegistry } from '../routes/models.js';
import type { Asker } from './endpoint.js';

/**
 * What an endpoint with one answer does, apart from HTTP: batches use it as well. What becomes known on the way is noted
 * in `inference`. Throws ApiError.
 */
export type Execute = (
  body: unknown,
  asker: Asker,
  signal: AbortSignal,
  inference?: InferenceContext,
) => Promise<object>;

export interface ExecuteDeps {
  readonly dispatcher: Pick<Dispatcher, 'call'>;
  readonly askReadyWorker: AskReadyWorker;
  readonly workers: Pick<WorkerClient, 'embed' | 'rank' | 'tokenize' | 'detokenize'>;
  readonly models: ModelRegistry;
}

/** From here on the request counts for this model. */
export function noteModel(inference: InferenceContext | undefined, model: string): DispatchTrace {
  const trace = createTrace();
  if (inference) Object.assign(inference, { model, traces: [trace] });
  return trace;
}
