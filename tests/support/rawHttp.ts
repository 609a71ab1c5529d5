import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A connection to a server on which the test writes what it likes; it is cut when the test ends. */
export function openConnection(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

export interface RawAnswer {
  /** The statuses of all answers that came, in their order. */
  readonly statuses: readonly number[];
  readonly text: string;
}

/** Sends bytes as they are, in these pieces, and reads until the server closes. */
export async function exchange(url: string, ...pieces: readonly string[]): Promise<RawAnswer> {
  const socket = openConnection(url);
  for (const piece of pieces) socket.write(piece, 'latin1');
  const received = await text(socket).catch(() => '');
  const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
  return { statuses, text: received };
}
