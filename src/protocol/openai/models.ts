import { z } from 'zod';
import { ModelKind } from '../workerApi.js';

/** `GET /v1/models` and `GET /v1/models/{id}`. */
export const Model = z.object({
  id: z.string().describe('What requests name as `model`.'),
  object: z.literal('model'),
  created: z.int().describe('Unix seconds.'),
  owned_by: z.string(),
  /** Tokens of a context; vLLM's name. Like `meta` absent while no worker has reported the model. */
  max_model_len: z.int().optional(),
  /** Where llama.cpp's server tells of a model. */
  meta: z
    .object({
      kind: ModelKind,
      n_ctx: z.int(),
      /** Requests that all ready workers together run at the same time. */
      slots: z.int(),
    })
    .optional(),
});
export type Model = z.infer<typeof Model>;

export const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) });
export type ModelList = z.infer<typeof ModelList>;
