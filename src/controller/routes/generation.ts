import type { RequestHandler } from 'express';
import type { GenerationEndpoint } from '../endpoints/endpoint.js';
import { beginGeneration, type GenerationDeps } from '../endpoints/runGeneration.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf, type InferenceContext } from '../requestContext.js';
import { respondAsJson, respondAsStream, type StreamTimings } from '../respond.js';
import type { Route } from './route.js';

export interface GenerationRouteDeps extends GenerationDeps {
  /** Refuses new requests while the controller drains. */
  readonly gate: RequestHandler;
  readonly timings: StreamTimings;
}

/** The HTTP side of an endpoint that generates text. */
export function generationRoute<Body extends { model: string }>(
  deps: GenerationRouteDeps,
  endpoint: GenerationEndpoint<Body>,
  aliases: readonly string[],
): Route {
  const answer: RequestHandler = async (req, res) => {
    const context = contextOf(res);
    const inference = context.inference as InferenceContext;
    const { signal } = context.abort;
    const begun = await beginGeneration(deps, endpoint, req.body, { asker: context, inference, signal });
    if (inference.isStream) await respondAsStream(begun, res, deps.timings);
    else await respondAsJson(begun, res);
  };
  return {
    path: endpoint.path,
    aliases,
    inferenceKind: 'counted',
    methods: { POST: [deps.gate, ...parseJsonBody, answer] },
  };
}
