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

/**
 * Reads a JSON body. Only a JSON content type is taken: a page of another site can send any other one to this server
 * without asking the browser first.
 */
export const parseJsonBody: RequestHandler[] = [
  requireJsonContentType,
  express.json({ limit: maxBodyBytes, type: () => true }),
];
