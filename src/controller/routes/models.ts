import { ApiError } from '../../protocol/apiError.js';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { Model, ModelList } from '../../protocol/openai/models.js';
import type { ModelKind } from '../../protocol/workerApi.js';
import { contextOf } from '../requestContext.js';
import type { Route } from './route.js';

/** Which models there are: the configured ones, and those that workers report. */
export interface ModelRegistry {
  ids(): readonly string[];
  /** Undefined while no worker has reported the model. */
  kindOf(id: string): ModelKind | undefined;
  /** Unix time at which the model was first known. */
  createdSeconds(id: string): number;
  /** Undefined while no worker has reported the model. */
  factsOf(id: string): ModelFacts | undefined;
}

export interface ModelFacts {
  readonly kind: ModelKind;
  /** What every worker with the model takes: prompt and answer together, or the longest input. */
  readonly contextTokens: number;
  /** Of the workers that are ready. */
  readonly slots: number;
}

const abilities: Readonly<Record<ModelKind, string>> = {
  generation: 'generates text',
  embedding: 'makes embeddings',
  ranking: 'ranks documents',
};

/** Whoever asks: with a key they see the models that it may use, without keys all. */
export interface ModelUser {
  readonly key?: ApiKey | undefined;
}

/** The models that there are for `user`: a model that a key may not use is not there, wherever it is named. */
function idsFor(registry: Pick<ModelRegistry, 'ids'>, { key }: ModelUser): readonly string[] {
  const allowed = key?.models ?? null;
  return allowed === null ? registry.ids() : registry.ids().filter((id) => allowed.includes(id));
}

/** @throws ApiError: 404 where the model is not there, 400 where it is of another kind. */
export function requireModel(
  registry: Pick<ModelRegistry, 'ids' | 'kindOf'>,
  user: ModelUser,
  id: string,
  wanted: ModelKind,
): void {
  if (!idsFor(registry, user).includes(id)) throw modelNotFound(id);
  const kind = registry.kindOf(id);
  if (kind === undefined || kind === wanted) return;
  const message = `The model \`${id}\` ${abilities[kind]}; this endpoint needs one that ${abilities[wanted]}.`;
  throw new ApiError('invalid_value', { message, param: 'model' });
}

/**
 * The model that is meant where a client may leave it out, as those of servers with one model do: the only one there
 * is (of the kind that is wanted, if any is).
 *
 * @throws ApiError
 */
export function resolveModel(
  registry: ModelRegistry,
  user: ModelUser,
  id: string | null | undefined,
  wanted: ModelKind | undefined,
): string {
  if (id == null) {
    const [only, ...others] = idsFor(registry, user).filter(
      (candidate) => wanted === undefined || registry.kindOf(candidate) === wanted,
    );
    if (only !== undefined && others.length === 0) return only;
    throw new ApiError('missing_required_parameter', {
      message: "Missing required parameter: 'model'.",
      param: 'model',
    });
  }
  if (wanted !== undefined) requireModel(registry, user, id, wanted);
  else if (!idsFor(registry, user).includes(id)) throw modelNotFound(id);
  return id;
}

/** The answer to a model that is not there, the same on every route. */
export function modelNotFound(id: string): ApiError {
  const message = `The model \`${id}\` does not exist or you do not have access to it.`;
  return new ApiError('model_not_found', { message, param: 'model' });
}

/** `GET /v1/models` and `GET /v1/models/{id}`; an id may hold slashes, encoded or not. */
export function modelsRoutes(registry: ModelRegistry): Route[] {
  const toModel = (id: string): Model => {
    const facts = registry.factsOf(id);
    return {
      id,
      object: 'model',
      created: registry.createdSeconds(id),
      owned_by: 'ai-cluster',
      ...(facts && {
        max_model_len: facts.contextTokens,
        meta: { kind: facts.kind, n_ctx: facts.contextTokens, slots: facts.slots },
      }),
    };
  };
  return [
    {
      path: '/v1/models',
      aliases: ['/models'],
      methods: {
        GET: [
          (_req, res) => {
            const data = idsFor(registry, contextOf(res)).map(toModel);
            res.json({ object: 'list', data } satisfies ModelList);
          },
        ],
      },
    },
    {
      path: '/v1/models/*id',
      aliases: ['/models/*id'],
      methods: {
        GET: [
          (req, res) => {
            const segments = req.params['id'];
            const id = Array.isArray(segments) ? segments.join('/') : String(segments);
            if (!idsFor(registry, contextOf(res)).includes(id)) throw modelNotFound(id);
            res.json(toModel(id));
          },
        ],
      },
    },
  ];
}
