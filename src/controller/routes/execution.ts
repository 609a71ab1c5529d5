import type { RequestHandler } from 'express';
import type { Execute } from '../endpoints/execute.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf } from '../requestContext.js';
import { beginInference } from './generation.js';
import type { Route } from './route.js';

/**
 * The HTTP side of an endpoint with one answer. `gate` refuses new requests while the controller drains. What runs no
 * model is not counted as inference.
 */
export function executionRoute(
  gate: RequestHandler,
  execute: Execute,
  [path, ...aliases]: readonly [string, ...string[]],
  { isCounted = true }: { isCounted?: boolean } = {},
): Route {
  const answer: RequestHandler = async (req, res) => {
    const context = contextOf(res);
    const { abort, inference } = context;
    res.json(await execute(req.body, context, abort.signal, inference));
    if (inference) inference.outcome = 'success';
  };
  return { path, aliases, methods: { POST: [beginInference(isCounted), gate, ...parseJsonBody, answer] } };
}
