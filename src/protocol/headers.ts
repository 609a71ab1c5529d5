/** Names of the headers that both sides speak, in the lower case that Node uses. */
export const headers = {
  requestId: 'x-request-id',
  /** The same, where Anthropic's clients look for it. */
  anthropicRequestId: 'request-id',
  clientRequestId: 'x-client-request-id',
  retryAfter: 'retry-after',
  /** Official clients try again, or do not, as it says. */
  shouldRetry: 'x-should-retry',
  processingMs: 'openai-processing-ms',
  openAiVersion: 'openai-version',
} as const;

/** Headers of an SSE answer: no caching, no buffering by proxies (`x-accel-buffering` is nginx's). */
export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const;

export const ndjsonContentType = 'application/x-ndjson';
