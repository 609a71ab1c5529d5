import { ApiError } from '../../protocol/apiError.js';
import type { GenerationFailure } from '../../protocol/generation.js';
import type { ClientParams } from '../dispatchTarget.js';
import type { UpstreamError } from '../upstream/upstreamError.js';

/** How an attempt failed, as the metrics name it. */
export type FailureReason = 'unreachable' | 'lost' | 'silent' | 'garbage' | 'error';

/** What the failure of an attempt means for its request. */
export type Verdict =
  /** No other worker would do better: the client is told. */
  | { readonly kind: 'final'; readonly error: ApiError }
  /** A healthy worker cannot take it now, or could not be asked: that is no attempt. */
  | { readonly kind: 'busy'; readonly reason: 'full' | 'leaving' }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly isRetryable: boolean };

export function judgeFailure(error: UpstreamError, params: ClientParams): Verdict {
  const { kind, failure } = error;
  const mistake = toClientsMistake(error, params);
  if (mistake) return { kind: 'final', error: mistake };
  if (failure?.code === 'deadline_exceeded')
    return { kind: 'final', error: new ApiError('deadline_exceeded', { cause: error }) };
  // A worker that is told to stop says so at the door, and at last also to those that are inside.
  if (failure?.code === 'draining') return { kind: 'busy', reason: 'leaving' };
  if (kind === 'refused' && failure?.code === 'model_not_loaded') return { kind: 'busy', reason: 'leaving' };
  if (kind === 'refused' && failure?.code === 'no_free_slot') return { kind: 'busy', reason: 'full' };
  if (kind === 'shortage') return { kind: 'busy', reason: 'full' };
  const reason = kind === 'refused' || kind === 'failed' ? 'error' : kind;
  return { kind: 'failed', reason, isRetryable: failure?.retryable ?? true };
}

/** What a worker found wrong with the request itself. */
function toClientsMistake(
  { failure, message }: UpstreamError,
  { promptParam, inputParam, schemaParam, toolParam }: ClientParams,
): ApiError | undefined {
  const inputAtFault = failure?.input === undefined ? undefined : inputParam?.(failure.input);
  const code: GenerationFailure['code'] | undefined = failure?.code;
  switch (code) {
    case 'context_length_exceeded':
      return new ApiError('context_length_exceeded', { message, param: inputAtFault ?? promptParam });
    case 'invalid_prompt':
      return new ApiError('invalid_value', { message, param: inputAtFault ?? promptParam });
    case 'invalid_request':
      return new ApiError('invalid_value', { message, param: inputAtFault ?? null });
    case 'invalid_dimensions':
      return new ApiError('invalid_value', { message, param: 'dimensions' });
    case 'unsupported_schema': {
      const param = failure?.tool === undefined ? schemaParam : toolParam?.(failure.tool);
      const at = param === undefined ? '' : ` in '${param}'`;
      return new ApiError('unsupported_value', { message: `Invalid schema${at}: ${message}`, param });
    }
    default:
      return undefined;
  }
}

/** The server gives its reason as an ApiError; a client that left gives none. */
export function abortError(signal: AbortSignal): ApiError {
  return signal.reason instanceof ApiError ? signal.reason : new ApiError('request_aborted');
}
