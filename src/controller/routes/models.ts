import { ApiError } from '../../protocol/apiError.js';
import type { Model, ModelList } from '../../protocol/openai/models.js';
import type { Route } from './route.js';

/** Which models there are: the configured ones, and those that workers report. */
export interface ModelRegistry {
  ids(): readonly string[];
}

/** The answer to a model that is not there, the same on every route. */
export function modelNotFound(id: string): ApiError {
  const message = `The model \`${id}\` does not exist or you do not have access to it.`;
  return new ApiError('model_not_found', { message, param: 'model' });
}

/** `GET /v1/models` and `GET /v1/models/{id}`; an id may hold slashes, encoded or not. */
export function modelsRoutes(registry: ModelRegistry, createdSeconds: number): Route[] {
  const toModel = (id: string): Model => ({
    id,
    object: 'model',
    created: createdSeconds,
    owned_by: 'ai-cluster',
  });
  return [
    {
      path: '/v1/models',
      aliases: ['/models'],
      methods: {
        GET: [
          (_req, res) =>
            void res.json({ object: 'list', data: registry.ids().map(toModel) } satisfies ModelList),
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
            if (!registry.ids().includes(id)) throw modelNotFound(id);
            res.json(toModel(id));
          },
        ],
      },
    },
  ];
}
