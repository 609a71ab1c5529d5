import { z } from 'zod';

/** Query parameters and answers of lists that are read page by page. */

/** `limit` of a query, which is text there. */
export function pageSize({ max, standard }: { max: number; standard: number }) {
  return z
    .string()
    .meta({ type: 'integer', minimum: 1, maximum: max })
    .transform(Number)
    .pipe(z.int().min(1).max(max))
    .default(standard)
    .describe('Most entries of the page.');
}

export const listOrder = z
  .enum(['asc', 'desc'])
  .default('desc')
  .describe('`asc` begins with the oldest entry, `desc` with the newest.');

export const listCursor = z
  .string()
  .min(1)
  .optional()
  .describe('The `last_id` of the page before: the page begins behind this entry.');

/** One page of a list. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.object({
    object: z.literal('list'),
    data: z.array(entry),
    first_id: z.string().nullable(),
    last_id: z.string().nullable().describe('The `after` of the next page.'),
    has_more: z.boolean(),
  });
}

/** The official clients take the id of the last entry as the next `after`, as long as `has_more` is true. */
export interface ListPage<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** `found`: at least one more than fits on the page, where there is one. */
export function toListPage<T extends { id: string }>(found: readonly T[], limit: number): ListPage<T> {
  const data = found.slice(0, limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: found.length > limit,
  };
}
