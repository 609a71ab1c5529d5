import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

/** Beside the bytes of all of them, which Node counts. */
const maxHeaders = 100;
export const maxUrlLength = 8_192;

/** Refuses heads that no client of ours has: too many headers, a URL that is too long, two hosts. */
export const checkHead: RequestHandler = (req, _res, next) => {
  const { rawHeaders, url } = req;
  if (url.length > maxUrlLength) throw new ApiError('url_too_long');
  if (rawHeaders.length / 2 > maxHeaders) {
    const message = `The request has too many headers: at most ${maxHeaders} are accepted.`;
    throw new ApiError('headers_too_large', { message });
  }
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  // Node takes the first one; a proxy in front may have taken the other.
  if (hosts.length > 1) throw new ApiError('unreadable_request');
  next();
};
