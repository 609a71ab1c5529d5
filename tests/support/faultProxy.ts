import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';

/** What a {@link FaultProxy} does to what the server sends. Absent: nothing. */
export interface Faults {
  /** Every piece is held back so long, and up to `jitterMs` longer. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Pieces of so many bytes at most. */
  readonly sliceBytes?: number;
  /** After so many bytes nothing comes any more, but the connection stays open. */
  readonly stallAfterBytes?: number;
  /** After so many bytes the connection is reset. */
  readonly resetAfterBytes?: number;
  /** After so many bytes the connection ends as if all were said. */
  readonly endAfterBytes?: number;
  /** The byte at this place is turned into another one. */
  readonly corruptByteAt?: number;
  /** Connections are accepted, and nothing is passed on in either direction. */
  readonly blackhole?: boolean;
  /** This share of connections is reset as soon as it is made. */
  readonly resetShare?: number;
}

export interface FaultProxy {
  readonly url: string;
  /** For connections that are made from now on, and for pieces that come from now on on open ones. */
  faults: Faults;
  /** Resets every connection. */
  resetAll(): void;
  connections(): number;
  close(): Promise<void>;
}

/** A TCP proxy on the loopback interface that breaks what passes through it, as networks and dying hosts do. */
export async function startFaultProxy(
  target: { readonly host: string; readonly port: number },
  initial: Faults = {},
  random: () => number = Math.random,
): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    // A broken connection is the purpose.
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    return socket.setNoDelay(true);
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(client);
    if (random() < (proxy.faults.resetShare ?? 0)) return void client.resetAndDestroy();
    const upstream = track(connect({ ...target, allowHalfOpen: true }));
    if (proxy.faults.blackhole !== true) client.pipe(upstream);
    const broken = breakBytes(() => proxy.faults, client, random);
    upstream.pipe(broken).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      if (upstream.errored) client.resetAndDestroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const resetAll = () => sockets.forEach((socket) => socket.resetAndDestroy());
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: initial,
    resetAll,
    connections: () => (server.listening ? sockets.size / 2 : 0),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      resetAll();
      await closed;
    },
  };
  return proxy;
}

/** Passes bytes on as the faults of the moment say. */
function breakBytes(read: () => Faults, client: Socket, random: () => number): Transform {
  let passed = 0;
  let freeAt = performance.now();

  async function pass(stream: Transform, chunk: Buffer): Promise<void> {
    const faults = read();
    if (faults.blackhole === true) return;
    const end = Math.min(faults.resetAfterBytes ?? Infinity, faults.endAfterBytes ?? Infinity);
    const most = Math.min(end, faults.stallAfterBytes ?? Infinity) - passed;
    const kept = corrupt(chunk.subarray(0, Math.max(0, most)), passed, faults.corruptByteAt);
    const size = faults.sliceBytes ?? kept.length;
    for (let at = 0; at < kept.length; at += size) {
      const slice = kept.subarray(at, at + size);
      await waitFor(slice.length, faults);
      stream.push(slice);
    }
    passed += kept.length;
    if (passed < end) return;
    if (faults.resetAfterBytes !== undefined) client.resetAndDestroy();
    else client.end();
  }

  async function waitFor(
    bytes: number,
    { latencyMs = 0, jitterMs = 0, bytesPerSecond }: Faults,
  ): Promise<void> {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + (bytesPerSecond === undefined ? 0 : (bytes * 1000) / bytesPerSecond);
    const ms = freeAt - now + latencyMs + random() * jitterMs;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      pass(this, chunk).then(
        () => done(),
        (error: unknown) => done(error as Error),
      );
    },
  });
}

function corrupt(bytes: Buffer, passed: number, place: number | undefined): Buffer {
  const index = place === undefined ? -1 : place - passed;
  if (index < 0 || index >= bytes.length) return bytes;
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 0xff;
  return copy;
}
