import { STATUS_CODES, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, type ErrorName } from '../protocol/apiError.js';

const errorOf: Readonly<Record<string, ErrorName>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
};

/** A client that has read its answer closes; one that does not is not waited for. */
const lingerMs = 1_000;

/**
 * What Node turns away by itself never reaches the app, and Node's answers have no body: here they get the one that
 * all errors have. An expectation that nobody knows (`Expect: something`) is ignored instead of refused.
 */
export function answerWhatNodeRefuses(server: Server, app: RequestListener): void {
  const newestAnswer = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (req, res) => newestAnswer.set(req.socket, res));
  server.on('checkExpectation', app);
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    const answer = newestAnswer.get(socket);
    const isInTheMiddle = answer?.headersSent === true && !answer.writableFinished;
    if (!socket.writable || isInTheMiddle) return void socket.destroy();
    const isHead = error.rawPacket?.toString('latin1', 0, 5) === 'HEAD ';
    const { head, body } = toHttp(new ApiError(errorOf[error.code ?? ''] ?? 'unreadable_request'));
    socket.end(isHead ? head : head + body);
    setTimeout(() => socket.destroy(), lingerMs).unref();
  });
}

function toHttp(error: ApiError): { head: string; body: string } {
  const body = JSON.stringify(error.toBody());
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return { head: `${lines.join('\r\n')}\r\n\r\n`, body };
}
