import type { IncomingMessage, Server } from 'node:http';

/** So many bytes of a body, or its end, have to come within so long: a file may take hours, a stalled one may not. */
const windowMs = 60_000;
const leastBytes = 16 * 1024;

/**
 * Turns away requests whose body stops coming, in place of Node's limit for a whole request: that would cut a large
 * file on a slow line, too.
 */
export function refuseSlowBodies(server: Server): void {
  server.on('request', (req) => {
    if (!hasBody(req)) return;
    const { socket } = req;
    let bytesBefore = socket.bytesRead;
    const timer = setInterval(() => {
      // What waits to be taken out was sent in time.
      const isOurTurn = req.readableLength > 0;
      const isSlow = socket.bytesRead - bytesBefore < leastBytes;
      bytesBefore = socket.bytesRead;
      if (req.complete) return clearInterval(timer);
      if (!isSlow || isOurTurn) return;
      clearInterval(timer);
      server.emit(
        'clientError',
        Object.assign(new Error('slow body'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
        socket,
      );
    }, windowMs);
    timer.unref();
    req.once('close', () => clearInterval(timer));
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
