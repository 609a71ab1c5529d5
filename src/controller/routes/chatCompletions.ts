import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { unknownModel } from '../../observability/metrics.js';
import { ChatCompletionRequest } from '../../protocol/openai/chatCompletions.js';
import { refuseUnsupportedParameters } from '../../protocol/openai/unsupportedParameters.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { Dispatch } from '../dispatch.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf, createTrace, type InferenceContext } from '../requestContext.js';
import { respondAsJson, respondAsStream } from '../respond.js';
import { toGenerateRequest } from '../toGenerateRequest.js';
import { modelNotFound, type ModelRegistry } from './models.js';
import type { Route } from './route.js';

export interface ChatCompletionsDeps {
  readonly dispatch: Dispatch;
  readonly models: ModelRegistry;
  /** Refuses new requests while the controller drains. */
  readonly gate: RequestHandler;
  readonly stallTimeoutMs: number;
}

/** `POST /v1/chat/completions`. */
export function chatCompletionsRoutes(deps: ChatCompletionsDeps): Route[] {
  const { dispatch, models, gate, stallTimeoutMs } = deps;
  const beginInference: RequestHandler = (_req, res, next) => {
    contextOf(res).inference = { model: unknownModel, isStream: false, trace: createTrace() };
    next();
  };

  const complete: RequestHandler = async (req, res) => {
    const context = contextOf(res);
    const inference = context.inference as InferenceContext;
    const body = parseBody(ChatCompletionRequest, req.body);
    inference.isStream = body.stream === true;
    if (!models.ids().includes(body.model)) throw modelNotFound(body.model);
    inference.model = body.model;
    refuseUnsupportedParameters(body);
    const request = toGenerateRequest(body, context);

    const answer = {
      identity: {
        id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
        created: Math.floor(Date.now() / 1000),
        model: body.model,
      },
      events: dispatch(request, context.abort.signal, inference.trace),
      inference,
      res,
      stallTimeoutMs,
    };
    if (inference.isStream) {
      await respondAsStream(answer, { includeUsage: body.stream_options?.include_usage === true });
    } else {
      await respondAsJson(answer);
    }
  };

  return [
    {
      path: '/v1/chat/completions',
      aliases: ['/chat/completions'],
      methods: { POST: [beginInference, gate, ...parseJsonBody, complete] },
    },
  ];
}
