import express, { type RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

/** Bytes after decompression. */
export const maxBodyBytes = 10 * 1024 * 1024;

/**
 * Bytes as they come, with what stands beside those of chunks, of a body that is too large and does not end: somebody
 * who goes on for so long is cut off.
 */
const cutOffBytes = 10 * maxBodyBytes;

/** Answers at once where the length is told, instead of when all of it has come. */
const refuseLength: RequestHandler = (req, _res, next) => {
  const { socket } = req;
  const bytesBefore = socket.bytesRead;
  req.on('data', () => {
    if (socket.bytesRead - bytesBefore > cutOffBytes) socket.destroy();
  });
  if (Number(req.get('content-length') ?? 0) > maxBodyBytes) {
    const message = `The request body is too large: at most ${maxBodyBytes} bytes are accepted.`;
    throw new ApiError('body_too_large', { message });
  }
  next();
};

const requireJsonContentType: RequestHandler = (req, _res, next) => {
  const type = req.is(['application/json', '+json']);
  if (type === false) throw new ApiError('unsupported_content_type');
  if (type === null)
    throw new ApiError('invalid_json', { message: 'The request has no body; send a JSON object.' });
  next();
};

/** Arrays and objects within each other: more than any request needs, and less than the stack of who writes them. */
const maxDepth = 500;
/** And all together: a body has room for so many that it takes seconds to look at each. */
const maxParts = 1_000_000;

/** What is too much in JSON, which can be read at any depth and not be written again; undefined where nothing is. */
export function findExcess(json: unknown): string | undefined {
  let level = [json].filter(isPart);
  let parts = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return `is nested too deeply: at most ${maxDepth} levels are accepted`;
    const inner: object[] = [];
    for (const part of level) {
      for (const value of Object.values(part)) if (isPart(value)) inner.push(value);
      if (parts + inner.length > maxParts)
        return `is too long: at most ${maxParts} arrays and objects are accepted`;
    }
    parts += inner.length;
    level = inner;
  }
  return undefined;
}

function isPart(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const refuseExcess: RequestHandler = (req, _res, next) => {
  const excess = findExcess(req.body);
  if (excess !== undefined) throw new ApiError('invalid_json', { message: `The JSON body ${excess}.` });
  next();
};

/**
 * Reads a JSON body. Only a JSON content type is taken: a page of another site can send any other one to this server
 * without asking the browser first.
 */
export const parseJsonBody: RequestHandler[] = [
  requireJsonContentType,
  refuseLength,
  express.json({ limit: maxBodyBytes, type: () => true }),
  refuseExcess,
];
