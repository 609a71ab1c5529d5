import { Agent, buildConnector, Client, errors, Pool, type Dispatcher } from 'undici';

/** The connections to all workers. */
export interface Connections {
  /** Sends a JSON body. Throws what undici throws. */
  post(url: string, path: string, body: string, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** Those that are open now, by the origin of the worker. */
  counts(): (origin: string) => ConnectionCounts;
  close(): Promise<void>;
}

/** Connections with a request on them, and without. */
export interface ConnectionCounts {
  readonly active: number;
  readonly idle: number;
}

export interface ConnectionsOptions {
  /** Sent with every call. */
  readonly clusterToken: string;
  readonly connectTimeoutMs: number;
  /** Before the headers, and between two pieces of the body. */
  readonly silenceTimeoutMs: number;
  /** Told of each connection that was opened. */
  readonly onConnected?: ((origin: string, ms: number) => void) | undefined;
}

/** What is noted of the connection that a request went over; undici hands its options through to the connection. */
interface NotingOptions extends Dispatcher.RequestOptions {
  readonly connection?: { wasOpen: boolean };
}

/** Says whether its connection was there before the request, from an earlier one. */
class NotingClient extends Client {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { connection } = options as NotingOptions;
    if (connection) connection.wasOpen = this.stats.connected;
    return super.dispatch(options, handler);
  }
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { clusterToken, connectTimeoutMs, silenceTimeoutMs, onConnected } = options;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${clusterToken}` };
  const timeouts = {
    connect: createConnector(connectTimeoutMs, onConnected),
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
  };
  const kept = new Agent({
    ...timeouts,
    // Below the worker's own keep-alive time, so that a connection is not used at the moment it is closed.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
    factory: (origin, pool) =>
      new Pool(origin, { ...pool, factory: (url, client) => new NotingClient(url, client) }),
  });
  /** Without pipelining no connection is used twice. */
  const fresh = new Agent({ ...timeouts, pipelining: 0 });

  async function post(url: string, path: string, body: string, signal: AbortSignal) {
    const connection = { wasOpen: false };
    const request = {
      origin: url,
      path,
      method: 'POST',
      headers,
      body,
      signal,
    } as const;
    try {
      return await kept.request({ ...request, connection } as NotingOptions & { origin: string });
    } catch (error) {
      // The worker may have closed it at the moment it was used again: that says nothing about the worker.
      if (!connection.wasOpen || signal.aborted || !isReset(error)) throw error;
      return await fresh.request(request).catch((second: unknown) => {
        // Nobody is there any more: so it was the end of the worker after all.
        throw (second as { syscall?: unknown }).syscall === 'connect' ? error : second;
      });
    }
  }

  return {
    post,
    counts: () => {
      // Of all workers, each time that it is read.
      const { stats } = kept;
      return (origin) => {
        const { connected, running } = stats[origin] ?? { connected: 0, running: 0 };
        const active = Math.min(Number(connected), running);
        return { active, idle: Number(connected) - active };
      };
    },
    close: async () => {
      await Promise.all([kept.destroy(), fresh.destroy()]);
    },
  };
}

function createConnector(
  timeout: number,
  onConnected: ConnectionsOptions['onConnected'],
): buildConnector.connector {
  const connect = buildConnector({ timeout });
  return (options, callback) => {
    const startedAtMs = performance.now();
    connect(options, (...result) => {
      const [error] = result;
      const { protocol, hostname, port } = options;
      if (!error) onConnected?.(`${protocol}//${hostname}:${port}`, performance.now() - startedAtMs);
      callback(...result);
    });
  };
}

function isReset(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE' || error instanceof errors.SocketError;
}
