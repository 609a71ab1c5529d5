import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import type { CountRequest } from '../../protocol/count.js';
import type { ChatGenerateRequest } from '../../protocol/generateRequest.js';
import { sseHeaders } from '../../protocol/headers.js';
import { ResponseRequest } from '../../protocol/openai/responses/request.js';
import { refuseResponseParameters } from '../../protocol/openai/responses/refusedParameters.js';
import {
  InputItemsQuery,
  RetrieveQuery,
  type DeletedResponse,
  type InputTokens,
} from '../../protocol/openai/responses/stored.js';
import type { Item } from '../../protocol/openai/responses/items.js';
import { toListPage, type ListPage } from '../../protocol/openai/lists.js';
import { parseBody } from '../../protocol/parseBody.js';
import { formatSseFrame } from '../../protocol/sse.js';
import type { ModelKind } from '../../protocol/workerApi.js';
import type { ResponseStore, StoredResponse } from '../../stores/responseStore.js';
import { countTokens, type CountDeps } from '../endpoints/countTokens.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { replayResponse } from '../presenters/responseReplay.js';
import { contextOf, ownerOf } from '../requestContext.js';
import { toResponseGeneration } from '../translate/response.js';
import { readInput } from '../translate/responseInput.js';
import { requireModel, type ModelRegistry } from './models.js';
import type { Route } from './route.js';

export interface ResponsesRouteDeps extends CountDeps {
  readonly models: ModelRegistry;
  readonly store: ResponseStore;
  /** Refuses new requests while the controller drains. */
  readonly gate: RequestHandler;
}

/** What there is beside creating a response: the stored ones, and counting the tokens of an input. */
export function responsesRoutes(deps: ResponsesRouteDeps): Route[] {
  const { store, gate, models } = deps;

  const retrieve: RequestHandler = (req, res) => {
    const { stream, starting_after: after } = parseBody(RetrieveQuery, req.query);
    const stored = requireStored(store, req, res);
    if (stream !== 'true') return void res.json(stored.response);
    const first = after === undefined ? 0 : Number(after) + 1;
    const frames = replayResponse(stored).slice(first);
    res.status(200).set(sseHeaders).end(frames.map(formatSseFrame).join(''));
  };

  const remove: RequestHandler = (req, res) => {
    const id = idOf(req);
    if (!store.delete(ownerOf(res), id)) throw notFound(id);
    res.json({ id, object: 'response', deleted: true } satisfies DeletedResponse);
  };

  const listInput: RequestHandler = (req, res) => {
    const query = parseBody(InputItemsQuery, req.query);
    const { response, input } = requireStored(store, req, res);
    const previousId = response.previous_response_id;
    // Of a conversation whose beginning was deleted, what is left of it.
    const earlier = previousId === null ? [] : store.conversation(ownerOf(res), previousId).items;
    res.json(toPage([...earlier, ...input], query));
  };

  const cancel: RequestHandler = (req, res) => {
    requireStored(store, req, res);
    throw new ApiError('response_not_cancellable');
  };

  const count: RequestHandler = async (req, res) => {
    const body = parseBody(ResponseRequest, req.body);
    const context = contextOf(res);
    requireModel(models, context, body.model, 'generation' satisfies ModelKind);
    refuseResponseParameters(body);
    const { earlier, added } = readInput(store, body, ownerOf(res));
    const generation = toResponseGeneration(body, [...earlier, ...added], context);
    const tokens = await countTokens(deps, toCountRequest(generation), context, 'input');
    res.json({ object: 'response.input_tokens', input_tokens: tokens } satisfies InputTokens);
  };

  return [
    {
      path: '/v1/responses/input_tokens',
      aliases: ['/responses/input_tokens'],
      methods: { POST: [gate, ...parseJsonBody, count] },
    },
    {
      path: '/v1/responses/:id',
      aliases: ['/responses/:id'],
      methods: { GET: [retrieve], DELETE: [remove] },
    },
    {
      path: '/v1/responses/:id/input_items',
      aliases: ['/responses/:id/input_items'],
      methods: { GET: [listInput] },
    },
    {
      path: '/v1/responses/:id/cancel',
      aliases: ['/responses/:id/cancel'],
      methods: { POST: [cancel] },
    },
  ];
}

/** What the prompt is made of. */
function toCountRequest(generation: ChatGenerateRequest): CountRequest {
  const { model, messages, tools, toolChoice, templateOptions } = generation;
  return { model, messages, tools, toolChoice, templateOptions };
}

function idOf(req: Request): string {
  return String(req.params['id']);
}

function requireStored(store: ResponseStore, req: Request, res: Response): StoredResponse {
  const id = idOf(req);
  const stored = store.get(ownerOf(res), id);
  if (!stored) throw notFound(id);
  return stored;
}

function notFound(id: string): ApiError {
  return new ApiError('response_not_found', { message: `Response with id '${id}' not found.` });
}

/** @throws ApiError (400) where the page is to begin behind an item that is not there. */
function toPage(items: readonly Item[], { limit, order, after }: InputItemsQuery): ListPage<Item> {
  const ordered = order === 'asc' ? items : items.toReversed();
  const cursor = after === undefined ? -1 : ordered.findIndex(({ id }) => id === after);
  if (after !== undefined && cursor < 0)
    throw new ApiError('invalid_value', {
      message: `Invalid value for 'after': there is no item '${after}'.`,
      param: 'after',
    });
  return toListPage(ordered.slice(cursor + 1), limit);
}
