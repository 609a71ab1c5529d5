import type { Server, ServerResponse } from 'node:http';

/** Whoever takes nothing of an answer for so long gets no more of it. */
export const readerStallMs = 60_000;

/**
 * From now on the connection of an answer is cut when its client takes nothing for so long: for answers of which the
 * next piece is always there.
 */
export function cutWhereStalled(res: ServerResponse, stallMs = readerStallMs): void {
  res.socket?.setTimeout(stallMs);
}

/** An answer that was said to its end waits for nobody but its client, which may be slow and may not stop reading. */
export function cutStalledReaders(server: Server, stallMs: number): void {
  // Before the app, which may answer at once.
  server.prependListener('request', (_req, res) => {
    res.once('prefinish', () => cutWhereStalled(res, stallMs));
    res.once('finish', () => {
      // Node has set the time for which an idle connection is kept, unless the next answer waits behind this one.
      if (res.socket?.timeout === stallMs) res.socket.setTimeout(0);
    });
  });
}
