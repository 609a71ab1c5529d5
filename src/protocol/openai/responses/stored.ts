import { z } from 'zod';
import { listCursor, listOrder, pageOf, pageSize } from '../lists.js';
import { Item } from './items.js';

/** What can be asked of responses that were stored. */

const digits = z.string().regex(/^\d{1,9}$/, 'expected a number without sign');

/** Query of `GET /v1/responses/{id}`; values of a query are text. */
export const RetrieveQuery = z.looseObject({
  stream: z.enum(['true', 'false']).optional().describe('`true`: the events of its stream once more.'),
  starting_after: digits
    .meta({ type: 'integer', minimum: 0 })
    .optional()
    .describe('With `stream`: only the events behind the one with this number.'),
});

/** Query of `GET /v1/responses/{id}/input_items`. */
export const InputItemsQuery = z.looseObject({
  limit: pageSize({ max: 100, standard: 20 }),
  order: listOrder,
  after: listCursor,
});
export type InputItemsQuery = z.infer<typeof InputItemsQuery>;

export const InputItemList = pageOf(Item).strict();
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
