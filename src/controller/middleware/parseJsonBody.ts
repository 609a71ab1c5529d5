import express, { type RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

/** Bytes after decompression. */
export const maxBodyBytes = 10 * 1024 * 1024;

const requireJsonContentType: RequestHandler = (req, _res, next) => {
  const type = req.is(['application/json', '+json']);
  if (type === false) throw new ApiError('unsupported_content_type');
  if (type === null)
    throw new ApiError('invalid_json', { message: 'The request has no body; send a JSON object.' });
  next();
};

/** Arrays and objects within each other: more than any request needs, and less than the stack of who writes them. */
const maxDepth = 500;

/** JSON can be read at any depth, and not be written again. */
const refuseDepth: RequestHandler = (req, _res, next) => {
  let level: unknown[] = [req.body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) {
      const message = `The JSON body is nested too deeply: at most ${maxDepth} levels are accepted.`;
      throw new ApiError('invalid_json', { message });
    }
    level = level.flatMap((value): unknown[] => Object.values(value ?? {}).filter(isObject));
  }
  next();
};

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/**
 * Reads a JSON body. Only a JSON content type is taken: a page of another site can send any other one to this server
 * without asking the browser first.
 */
export const parseJsonBody: RequestHandler[] = [
  requireJsonContentType,
  express.json({ limit: maxBodyBytes, type: () => true }),
  refuseDepth,
];
