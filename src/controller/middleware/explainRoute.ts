import type { RequestHandler } from 'express';
import onHeaders from 'on-headers';
import { headers } from '../../protocol/headers.js';
import { contextOf } from '../requestContext.js';
import { toReceipt } from '../routingReceipt.js';

/**
 * Answers a request that has `x-ai-cluster-explain: route` with the receipt of its route, of the first choice that a
 * worker accepted. The headers of a stream go out at that moment.
 */
export const explainRoute: RequestHandler = (req, res, next) => {
  if (req.get(headers.explain)?.trim().toLowerCase() !== 'route') return next();
  onHeaders(res, () => {
    const trace = contextOf(res).inference?.traces.find(({ route }) => route);
    if (trace?.route) res.set(headers.route, JSON.stringify(toReceipt(trace.route, trace)));
  });
  next();
};
