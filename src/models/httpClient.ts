import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';

/** Requests for model files; `close` cuts what is still open. */
export interface HttpClient {
  /** Follows up to ten redirects, to http and https only. Rejects when no answer comes. */
  get: (url: string, options: HttpRequestOptions) => Promise<Dispatcher.ResponseData>;
  /** Follows no redirect: the answer may carry what is asked for. Rejects when no answer comes. */
  head: (url: string, options: HttpRequestOptions) => Promise<Dispatcher.ResponseData>;
  close: () => Promise<void>;
}

/** What a single request may add. */
export interface HttpRequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const maxRedirects = 10;

/**
 * Makes a client that gives up on a connection after `connectTimeoutMs`, and on an answer or its body when nothing
 * arrives for `stallTimeoutMs`. It goes through the proxy that the usual variables (`HTTPS_PROXY`, `NO_PROXY`) name.
 */
export function createHttpClient(options: { connectTimeoutMs: number; stallTimeoutMs: number }): HttpClient {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.stallTimeoutMs,
    bodyTimeout: options.stallTimeoutMs,
  });
  const send = (method: 'GET' | 'HEAD', url: URL, { headers, signal }: HttpRequestOptions) =>
    // A compressed body would be neither the bytes that are hashed nor the ones a range counts.
    request(url, { method, dispatcher, signal, headers: { 'accept-encoding': 'identity', ...headers } });

  return {
    head: (url, requestOptions) => send('HEAD', toHttpUrl(url), requestOptions),
    get: async (url, requestOptions) => {
      let current = toHttpUrl(url);
      for (let redirects = 0; redirects <= maxRedirects; redirects++) {
        const response = await send('GET', current, requestOptions);
        const { location } = response.headers;
        if (!redirectStatuses.has(response.statusCode) || typeof location !== 'string') return response;
        await response.body.dump();
        current = toHttpUrl(location, current);
      }
      throw new Error(`more than ${maxRedirects} redirects from ${url}`);
    },
    close: () => dispatcher.destroy(),
  };
}

/** What a failed request comes down to, in one line: the connection's error code or the error's own words. */
export function describeRequestError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'no connection in time';
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'no data arrived in time';
  // Where a name has several addresses, the error is an AggregateError whose message is empty.
  return error.message || code || error.name;
}

function toHttpUrl(url: string, base?: URL): URL {
  const parsed = new URL(url, base);
  if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  throw new Error(`only http and https addresses are followed, not ${parsed.protocol}`);
}
