import { ApiError } from '../../protocol/apiError.js';
import type { GenerationFailure } from '../../protocol/generation.js';
import type { UpstreamError } from './workerClient.js';

/** How the client calls what it sent, for the errors about it. */
export interface ClientParams {
  /** The parameter that is at fault where the prompt is: `messages`, `input`, … */
  readonly promptParam: string;
  /** And where one of several inputs is: `input[3]`. */
  readonly inputParam?: (input: number) => string;
}

/** What a healthy worker says that cannot take the request now; anything else counts as a failed attempt. */
const busyCodes: ReadonlySet<GenerationFailure['code'] | undefined> = new Set([
  'no_free_slot',
  'model_not_loaded',
  'draining',
]);

export function isBusyRefusal({ kind, failure }: UpstreamError): boolean {
  return kind === 'refused' && busyCodes.has(failure?.code);
}

/** What a worker found wrong with the request itself: no other worker would do better. */
export function throwClientsMistake(
  { failure, message }: UpstreamError,
  { promptParam, inputParam }: ClientParams,
): void {
  const inputAtFault = failure?.input === undefined ? undefined : inputParam?.(failure.input);
  switch (failure?.code) {
    case 'context_length_exceeded':
      throw new ApiError('context_length_exceeded', { message, param: inputAtFault ?? promptParam });
    case 'invalid_prompt':
      throw new ApiError('invalid_value', { message, param: inputAtFault ?? promptParam });
    case 'invalid_request':
      throw new ApiError('invalid_value', { message, param: inputAtFault ?? null });
    case 'invalid_dimensions':
      throw new ApiError('invalid_value', { message, param: 'dimensions' });
    case 'unsupported_schema':
      throw new ApiError('unsupported_value', { message });
    default:
  }
}

/** The server gives its reason as an ApiError; a client that left gives none. */
export function abortError(signal: AbortSignal): ApiError {
  return signal.reason instanceof ApiError ? signal.reason : new ApiError('request_aborted');
}
