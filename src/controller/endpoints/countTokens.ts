import type { CountRequest } from '../../protocol/count.js';
import type { AskReadyWorker } from '../askReadyWorker.js';
import { createTrace, type RequestContext } from '../requestContext.js';
import type { WorkerClient } from '../upstream/workerClient.js';

export interface CountDeps {
  readonly askReadyWorker: AskReadyWorker;
  readonly workers: Pick<WorkerClient, 'count'>;
}

/** How many tokens a prompt has, also one that is longer than the context. Needs no slot. @throws ApiError */
export async function countTokens(
  { askReadyWorker, workers }: CountDeps,
  request: CountRequest,
  { requestId, abort }: RequestContext,
  promptParam: string,
): Promise<number> {
  const { promptTokens } = await askReadyWorker(
    { requestId, model: request.model },
    { signal: abort.signal, trace: createTrace(), promptParam },
    (url, signal) => workers.count(url, request, signal),
  );
  return promptTokens;
}
