import type { ModelKind, NodeReport } from '../../protocol/workerApi.js';
import { describeWrongKind } from '../modelKind.js';
import { RefusedError } from '../refusedError.js';
import type { WorkerModel } from '../workerModel.js';
import type { CountCalls } from './countCalls.js';

/** What the routes of the internal protocol work with. */
export interface RouteDeps {
  /** A model that is loaded. */
  readonly modelOf: (id: string) => WorkerModel | undefined;
  readonly report: () => NodeReport;
  readonly countCalls: CountCalls;
}

/** A prompt as large as the largest body that the controller takes, and what the protocol adds to it. */
export const maxBodyBytes = '16mb';

/** @throws RefusedError while the worker shuts down. */
export function requireAccepting(deps: RouteDeps): void {
  if (deps.report().phase === 'draining')
    throw new RefusedError('draining', 'This worker is shutting down.', true);
}

/** @throws RefusedError where the model is not loaded. */
export function requireModel(deps: RouteDeps, id: string): WorkerModel {
  const model = deps.modelOf(id);
  if (model) return model;
  throw new RefusedError('model_not_loaded', `The model '${id}' is not loaded here.`, true);
}

/** The error of a request to a model of another kind than it wants. */
export function wrongKind(id: string, kind: ModelKind, wanted: ModelKind): RefusedError {
  return new RefusedError('invalid_request', describeWrongKind(id, kind, wanted));
}
