import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

/**
 * For routes that take what a browser sends without asking first, as forms and empty bodies: a page of another site
 * must not fill the disk of this one. JSON bodies are safe from that by their content type.
 */
export const refuseOtherOrigins: RequestHandler = (req, _res, next) => {
  const origin = req.get('origin');
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === req.get('host'));
  if (!isOwn) throw new ApiError('origin_not_allowed');
  next();
};
