import { z } from 'zod';
import { Item } from './items.js';

/** What can be asked of responses that were stored. */

const digits = z.string().regex(/^\d{1,9}$/, 'expected a number without sign');

/** Query of `GET /v1/responses/{id}`; values of a query are text. */
export const RetrieveQuery = z.looseObject({
  stream: z.enum(['true', 'false']).optional(),
  /** Only events behind this one. */
  starting_after: digits.optional(),
});

/** Query of `GET /v1/responses/{id}/input_items`. */
export const InputItemsQuery = z.looseObject({
  limit: z.coerce.number().pipe(z.int().min(1).max(100)).default(20),
  order: z.enum(['asc', 'desc']).default('desc'),
  /** The id of the last item of the page before. */
  after: z.string().optional(),
});
export type InputItemsQuery = z.infer<typeof InputItemsQuery>;

export const InputItemList = z.strictObject({
  object: z.literal('list'),
  data: z.array(Item),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
export type InputItemList = z.infer<typeof InputItemList>;

export const DeletedResponse = z.strictObject({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
});
export type DeletedResponse = z.infer<typeof DeletedResponse>;

/** `POST /v1/responses/input_tokens`. */
export const InputTokens = z.strictObject({
  object: z.literal('response.input_tokens'),
  input_tokens: z.int(),
});
export type InputTokens = z.infer<typeof InputTokens>;
