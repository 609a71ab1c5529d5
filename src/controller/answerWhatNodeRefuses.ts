import { STATUS_CODES, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, type ErrorName } from '../protocol/apiError.js';
import { maxUrlLength } from './middleware/checkHead.js';

const errorOf: Readonly<Record<string, ErrorName>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
};

const tooLongUrl = new RegExp(`^[A-Z]+ \\S{${maxUrlLength},}$`);

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
    // Without an agreement about TLS nothing can be said.
    const isHandshake =
      error.code?.startsWith('ERR_SSL_') === true || error.code?.startsWith('ERR_TLS_') === true;
    if (!socket.writable || isInTheMiddle || isHandshake) return void socket.destroy();
    // Where the head came in one piece, as it does; else less is known.
    const begin = error.rawPacket?.toString('latin1', 0, maxUrlLength + 16) ?? '';
    const isHead = begin.startsWith('HEAD ');
    const name = errorOf[error.code ?? ''] ?? 'unreadable_request';
    const isUrl = name === 'headers_too_large' && tooLongUrl.test(begin);
    const { head, body } = toHttp(new ApiError(isUrl ? 'url_too_long' : name));
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
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ];
  return { head: `${lines.join('\r\n')}\r\n\r\n`, body };
}
