import type { RequestHandler } from 'express';
import { toMessageError } from '../../protocol/anthropic/messageError.js';
import { CountTokensRequest, type TokenCount } from '../../protocol/anthropic/messages.js';
import { headers } from '../../protocol/headers.js';
import { parseBody } from '../../protocol/parseBody.js';
import { anthropicMessagesEndpoint } from '../endpoints/anthropicMessages.js';
import { countTokens, type CountDeps } from '../endpoints/countTokens.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf } from '../requestContext.js';
import { toCountRequest } from '../translate/anthropicMessages.js';
import { generationRoute, type GenerationRouteDeps } from './generation.js';
import { requireModel } from './models.js';
import type { Route } from './route.js';

export type AnthropicRouteDeps = GenerationRouteDeps & CountDeps;

/** Errors of these routes are Anthropic's, and the request's id is where its clients look for it. */
const speakAnthropic: RequestHandler = (_req, res, next) => {
  const context = contextOf(res);
  context.toErrorBody = toMessageError;
  res.set(headers.anthropicRequestId, context.requestId);
  next();
};

/** `POST /v1/messages` and `POST /v1/messages/count_tokens`. */
export function anthropicRoutes(deps: AnthropicRouteDeps): Route[] {
  const count: RequestHandler = async (req, res) => {
    const body = parseBody(CountTokensRequest, req.body);
    const context = contextOf(res);
    requireModel(deps.models, context, body.model, 'generation');
    const tokens = await countTokens(deps, toCountRequest(body), context, 'messages');
    res.json({ input_tokens: tokens } satisfies TokenCount);
  };
  return [
    { ...generationRoute(deps, anthropicMessagesEndpoint, ['/messages']), before: speakAnthropic },
    {
      path: '/v1/messages/count_tokens',
      aliases: ['/messages/count_tokens'],
      before: speakAnthropic,
      methods: { POST: [deps.gate, ...parseJsonBody, count] },
    },
  ];
}
