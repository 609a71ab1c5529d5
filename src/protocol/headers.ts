/** Names of the headers that both sides speak, in the lower case that Node uses. */
export const headers = {
  requestId: 'x-request-id',
  clientRequestId: 'x-client-request-id',
  retryAfter: 'retry-after',
} as const;

/** Headers of an SSE answer: no caching, no buffering by proxies (`x-accel-buffering` is nginx's). */
export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const;

export const ndjsonContentType = 'application/x-ndjson';
