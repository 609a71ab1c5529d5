import { z } from 'zod';
import type { ApiError } from '../apiError.js';

/** How Anthropic's API writes an error, as the body of an answer and as the event `error` of a stream alike. */
export const MessageError = z.object({
  type: z.literal('error'),
  error: z.object({ type: z.string(), message: z.string() }),
  request_id: z.string(),
});
export type MessageError = z.infer<typeof MessageError>;

/** Source: the official list of HTTP errors, where any other 4xx is an invalid request. */
const typeOfStatus: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

export function toMessageError({ status, message }: ApiError, requestId: string): MessageError {
  const type = typeOfStatus[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { type: 'error', error: { type, message }, request_id: requestId };
}
