import type { Request, Response } from 'express';
import { toApiError } from '../../protocol/apiError.js';
import type { OperationStatus, Settled, WrapOperation } from '../../observability/metrics/wrapOperation.js';
import { RefusedError } from '../refusedError.js';

/** Answers a call; what it returns is what came of it where that is no success and nothing was thrown. */
export type CallHandler = (req: Request, res: Response) => Promise<OperationStatus | void> | void;

/** Makes a handler one whose calls are counted. */
export type CountCalls = (
  operation: string,
  handle: CallHandler,
) => (req: Request, res: Response) => Promise<unknown>;

export function createCountCalls(wrap: WrapOperation): CountCalls {
  return (operation, handle) => wrap(operation, handle, statusOfCall);
}

function statusOfCall(settled: Settled<OperationStatus | void>): OperationStatus {
  if ('result' in settled) return settled.result ?? 'success';
  if (settled.error instanceof RefusedError) return 'refused';
  return toApiError(settled.error).status < 500 ? 'refused' : 'error';
}
