/** Names of the headers that both sides speak, in the lower case that Node uses. */
export const headers = {
  requestId: 'x-request-id',
  /** The same, where Anthropic's clients look for it. */
  anthropicRequestId: 'request-id',
  /** Where Anthropic's clients send their key. */
  anthropicApiKey: 'x-api-key',
  clientRequestId: 'x-client-request-id',
  retryAfter: 'retry-after',
  /** Official clients try again, or do not, as it says. */
  shouldRetry: 'x-should-retry',
  /** In how many milliseconds the client wants its answer to be complete. */
  requestTimeout: 'x-request-timeout-ms',
  /** Of a request that was turned away: its place in the queue, and when it would have begun. */
  queuePosition: 'x-queue-position',
  queuePredictedStartMs: 'x-queue-predicted-start-ms',
  /** The span of the client, by W3C's Trace Context. */
  traceParent: 'traceparent',
  processingMs: 'openai-processing-ms',
  openAiVersion: 'openai-version',
  /** `route` asks for the receipt of the route, which comes back as JSON in the other one. */
  explain: 'x-ai-cluster-explain',
  route: 'x-ai-cluster-route',
} as const;

/** What an API key may still do, as OpenAI's headers tell it. */
export const rateLimitHeaders = (['requests', 'tokens'] as const).flatMap((what) =>
  (['limit', 'remaining', 'reset'] as const).map((part) => `x-ratelimit-${part}-${what}` as const),
);
export type RateLimitHeader = (typeof rateLimitHeaders)[number];

/** Headers of an SSE answer: no caching, no buffering by proxies (`x-accel-buffering` is nginx's). */
export const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const;

export const ndjsonContentType = 'application/x-ndjson';
