import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ControllerEvents } from '../observability/events.js';
import type { ServerGauges } from '../observability/metrics/controllerMetrics.js';
import { answerWhatNodeRefuses } from './answerWhatNodeRefuses.js';
import { cutStalledReaders, readerStallMs } from './cutStalledReaders.js';
import { refuseSlowBodies } from './refuseSlowBodies.js';

export interface ConnectionLimits {
  /** More are closed at once. */
  readonly maxConnections: number;
  /** For the head of a request, from its first byte or the beginning of the connection on; enforced within a second. */
  readonly headersTimeoutMs: number;
  /** A client that takes nothing of a complete answer for so long is cut off. */
  readonly readerStallMs: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  maxConnections: 8_192,
  headersTimeoutMs: 10_000,
  readerStallMs,
};

/** The server's certificate with its chain, and its private key, in PEM. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
}

/** All headers of a request together, with its URL. */
const maxHeaderBytes = 16 * 1024;
/** Below a client's own keep-alive time, a connection would be closed at the moment it is used again. */
const keepAliveTimeoutMs = 75_000;
const connectionsCheckingIntervalMs = 500;
/** Between two lines about connections that were turned away. */
const dropLogIntervalMs = 10_000;

export interface HttpServer extends Server {
  /** What is open, and what of answers is on its way to clients. */
  gauges(): ServerGauges;
  /** Of a TLS server: for connections that are made from now on. */
  setSecureContext?(tls: TlsCertificate): void;
}

/** An HTTP server that slow, broken and too many clients cannot hold. It does not listen yet. */
export function createHttpServer(
  app: RequestListener,
  limits: ConnectionLimits,
  events: Pick<ControllerEvents, 'connectionsDropped'>,
  tls?: TlsCertificate,
): HttpServer {
  const options = {
    keepAliveTimeout: keepAliveTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    // Answers take as long as they take; bodies are watched by `refuseSlowBodies`.
    requestTimeout: 0,
    connectionsCheckingInterval: connectionsCheckingIntervalMs,
    maxHeaderSize: maxHeaderBytes,
    insecureHTTPParser: false,
    noDelay: true,
  };
  const tlsOptions = { minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTimeoutMs } as const;
  const server = tls
    ? createTlsServer({ ...options, ...tlsOptions, ...tls }, app)
    : createServer(options, app);
  // Node would leave out what is above it without a word; `checkHead` refuses.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  logDrops(server, limits.maxConnections, events);
  answerWhatNodeRefuses(server, app);
  refuseSlowBodies(server);
  cutStalledReaders(server, limits.readerStallMs);
  return Object.assign(server, { gauges: watchSockets(server) });
}

/** @returns the port, where 0 asks for a free one. */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Also with requests on the way. */
export async function closeNow(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function watchSockets(server: Server): () => ServerGauges {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => ({
    connections: sockets.size,
    unsentBytes: [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0),
  });
}

/** A flood of connections is no flood of lines. */
function logDrops(server: Server, limit: number, events: Pick<ControllerEvents, 'connectionsDropped'>): void {
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    timer = undefined;
    events.connectionsDropped({ count: dropped, limit });
    dropped = 0;
  };
  server.on('drop', () => {
    if (dropped++ === 0) timer ??= setTimeout(tell, dropLogIntervalMs).unref();
  });
  server.once('close', () => {
    clearTimeout(timer);
    if (dropped > 0) tell();
  });
}
