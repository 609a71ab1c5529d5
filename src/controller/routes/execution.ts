import type { RequestHandler } from 'express';
import type { Execute } from '../endpoints/execute.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf, settleInference, type InferenceKind } from '../requestContext.js';
import type { Route } from './route.js';

/**
 * The HTTP side of an endpoint with one answer. `gate` refuses new requests while the controller drains.
 */
export function executionRoute(
  gate: RequestHandler,
  execute: Execute,
  [path, ...aliases]: readonly [string, ...string[]],
  inferenceKind: InferenceKind = 'counted',
): Route {
  const answer: RequestHandler = async (req, res) => {
    const context = contextOf(res);
    const { abort, inference } = context;
    const answer = await execute(req.body, context, abort.signal, inference);
    if (inference) settleInference(inference, 'success');
    res.json(answer);
  };
  return { path, aliases, inferenceKind, methods: { POST: [gate, ...parseJsonBody, answer] } };
}
